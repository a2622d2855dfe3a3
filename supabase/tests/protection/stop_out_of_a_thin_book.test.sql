begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

select tests.tick(94, 94.01, '{"depth": {"bids": [["94", "0.4"]], "asks": [["94.01", "1"]]}}');
select is(tests.run_jobs(), array['exit retry exit_incomplete'], 'a stop that finds too few bids sells what it can and is tried again');
select results_eq($$ select status, quantity::numeric from tests.position_of('one') $$, $$ values ('open', 0.599) $$,
  'the rest stays a position');
select is(trading.check_books() ->> 'unprotected_positions', '0', 'protected by a stop of its own size');
select is((select fired_at from trading.engine_stops), null, 'and the engine''s stop is armed again');

select tests.tick(93, 93.01, p_after => '2 seconds');
select tests.run_jobs();
select results_eq($$ select price::numeric, quantity::numeric from public.trades where side = 'SELL' order by executed_at $$,
  $$ values (94::numeric, 0.4), (93::numeric, 0.599) $$, 'the second try meets the market as it is then');
select is((tests.position_of('one')).status || ' ' || (tests.position_of('one')).exit_reason, 'closed stop_loss',
  'and closes the position');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
