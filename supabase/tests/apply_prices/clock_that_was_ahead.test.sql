begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('held', 'alpha');
select tests.tick(100, 100.01, p_after => '1 hour');
-- The clock is set right again.
update trading.settings set clock_at = clock_at - interval '1 hour';

select tests.decide('one', 'alpha');
select is(tests.run_jobs(), array['enter retry price_stale'], 'a price from the future is no price');
select is((trading.apply_prices(jsonb_build_array(jsonb_build_object('symbol', 'SOLUSDT', 'bid', 94, 'ask', 94.01,
  'observed_at', trading.engine_now(), 'source', 'tests'))) ->> 'stops')::int, 1, 'the truth is not shut out: it crosses the stop');
select is((select bid::numeric from public.market_prices), 94::numeric, 'and is the price');
select is((select count(*) from trading.quotes where observed_at > trading.engine_now()), 0::bigint, 'nothing is left of the other one');
select tests.run_jobs();
select is((tests.position_of('held')).status, 'closed', 'the position is sold');

select * from finish();
rollback;
