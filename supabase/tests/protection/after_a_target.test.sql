begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 300}');
select tests.enter('one', 'alpha', '{"stopLoss": 95, "takeProfit": [110, 120, 130]}');
select is(trading.check_books() ->> 'unprotected_positions', '0', 'protected when open');

select tests.tick(110.01, 110.02);
select tests.run_jobs();
-- 2.997 held; 0.999 sold at the first target
select results_eq($$ select role, level, state, quantity::numeric from public.orders where role in ('stop_loss', 'take_profit') order by 1, 2 $$,
  $$ values ('stop_loss', 0, 'working', 1.998), ('take_profit', 1, 'filled', 0.999), ('take_profit', 2, 'working', 0.999), ('take_profit', 3, 'working', 0.999) $$,
  'a target that fills makes the stop smaller, and the other targets keep what is left');
select is((tests.position_of('one')).status, 'open', 'the position stays open');
select is(trading.check_books() ->> 'unprotected_positions', '0', 'protected after the first target');

select tests.tick(130.01, 130.02);
select tests.run_jobs();
select is((tests.position_of('one')).status, 'closed', 'when the last target fills the position closes');
select is((select count(*) from trading.engine_stops) + (select count(*) from public.orders where state = 'working'), 0::bigint,
  'and nothing rests any more');

select * from finish();
rollback;
