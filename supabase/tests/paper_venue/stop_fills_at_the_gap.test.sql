begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.enter('witness', 'alpha', '{"stopLoss": 80}');

select is(tests.tick(95.01, 95.02) ->> 'stops', '0', 'a bid a tick above the stop does not fire it');
select tests.tick(90, 90.01);
select is(tests.run_jobs(), array['exit filled'], 'a market that jumps over the stop fires it');
select results_eq($$ select side, price::numeric, quantity::numeric, is_maker from public.trades where side = 'SELL' $$,
  $$ values ('SELL', 90::numeric, 0.999, false) $$, 'and it sells at the gap, not at the stop');
select results_eq($$ select status, exit_reason, exit_price::numeric from tests.position_of('one') $$,
  $$ values ('closed', 'stop_loss', 90::numeric) $$,
  'the position is closed by its stop');
select is((tests.position_of('witness')).status, 'open', 'a stop farther down did not fire');

select * from finish();
rollback;
