begin;
select plan(3);
select tests.open_desk('{"quote_retention_ms": 3000}');
select tests.hire('alpha');
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
-- The entry waits in the queue until the history no longer reaches back to its decision.
select tests.tick(100 + n, 101 + n) from generate_series(1, 9) n;

select is(tests.run_jobs(), array['enter filled'], 'an entry that came too late for the market of its decision is executed');
select is((tests.position_of('one')).entry_price::numeric, 110::numeric, 'at the price of now');
select is((select executed_at from public.trades), trading.engine_now(), 'and its fill is dated now, not before that price existed');

select * from finish();
rollback;
