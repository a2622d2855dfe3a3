begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

select tests.tick(94, 94.01, '{"depth": {"bids": [["94", "0.1"]], "asks": [["94.01", "5"]]}}');
select is(tests.run_jobs(), array['exit retry exit_incomplete'], 'a stop meets a book that ends');
select tests.tick(99, 99.01, '{"depth": {"bids": [["99", "5"]], "asks": [["99.01", "5"]]}}');
select is(tests.run_jobs(), array['exit filled'], 'what is left is tried again at the next market');
select results_eq(
  $$ select price::numeric, quantity::numeric from public.trades where side = 'SELL' order by executed_at, sequence $$,
  $$ values (94::numeric, 0.1), (99, 0.899) $$, 'and sold at its price, not at the trigger it is far above');
select is((tests.position_of('one')).status, 'closed', 'the position is closed');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
