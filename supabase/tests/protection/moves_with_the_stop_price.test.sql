begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.enter('witness', 'alpha');
create temporary table before as select * from tests.order_of('one', 'stop_loss');

update public.positions set stop_loss_price = 97 where id = (tests.position_of('one')).id;
select trading.sync_protection(p, trading.engine_now()) from tests.position_of('one') p;
select is((select trigger_price::numeric from trading.engine_stops where position_id = (tests.position_of('one')).id), 97::numeric,
  'the engine stop follows the stop of its position');
select results_eq($$ select id, trigger_price::numeric, state from tests.order_of('one', 'stop_loss') $$,
  $$ select id, 97::numeric, 'working' from before $$,
  'so does the resting order, which stays the same order');
select is((select trigger_price::numeric from trading.engine_stops where position_id = (tests.position_of('witness')).id), 95::numeric,
  'the neighbour''s does not');

select is(tests.tick(96.5, 96.51) ->> 'stops', '1', 'it fires at its new price');
select tests.run_jobs();
select is((tests.position_of('one')).status || ' ' || (tests.position_of('witness')).status, 'closed open', 'and closes its own position');

select * from finish();
rollback;
