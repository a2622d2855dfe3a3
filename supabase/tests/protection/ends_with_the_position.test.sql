begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha', '{"stopLoss": 95, "takeProfit": [110, 120]}');
select tests.enter('witness', 'alpha', '{"stopLoss": 95, "takeProfit": [110, 120]}');
create temporary table before as select * from public.orders where position_id = (tests.position_of('witness')).id;

select tests.act_as_user('ann');
select public.close_position((tests.position_of('one')).id) from (select 1) x;
select tests.act_as_owner();
select tests.run_jobs();

select results_eq($$ select role, level, state, reason, finished_at is not null from public.orders
    where position_id = (tests.position_of('one')).id and role in ('stop_loss', 'take_profit') order by 1, 2 $$,
  $$ values ('stop_loss', 0, 'cancelled', 'position_closed', true), ('take_profit', 1, 'cancelled', 'position_closed', true),
            ('take_profit', 2, 'cancelled', 'position_closed', true) $$, 'a position that closes takes its stop and targets with it');
select results_eq('select position_id from trading.engine_stops', $$ values ((tests.position_of('witness')).id) $$,
  'its engine stop is disarmed');
select set_eq($$ select * from public.orders where position_id = (tests.position_of('witness')).id $$, 'table before',
  'the neighbour''s orders rest as before');
select is(trading.check_books() ->> 'unprotected_positions', '0', 'and nothing is unprotected');

select * from finish();
rollback;
