begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

select tests.tick(94, 94.01, '{"depth": {"bids": [["94", "0.1"]], "asks": [["94.01", "5"]]}}');
select is(tests.run_jobs(), array['exit retry exit_incomplete'], 'a stop takes all bids of a quote');
select trading.set_clock(trading.engine_now() + interval '2 seconds');
select is(tests.run_jobs(), array['exit retry book_empty'], 'tried again on the same quote it finds none left');
select is((select sum(quantity)::numeric from public.trades where side = 'SELL'), 0.1, 'no coin is sold twice into one bid');
select is((select count(*) from public.orders where role in ('exit', 'stop_loss') and state not in ('working', 'expired')), 0::bigint,
  'and the try leaves no order behind');

-- An empty side is known to be empty; an unknown one is not.
select tests.tick(99.99, 100, '{"depth": {"bids": [["99.99", "5"]], "asks": []}}');
select tests.hire('beta');
select tests.enter('two', 'beta');
select is((select count(*) from public.trades where side = 'BUY'), 1::bigint, 'nothing is bought from a book without asks');

select * from finish();
rollback;
