begin;
select plan(16);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta', 'bob');
select tests.enter('stopped', 'alpha');
select tests.enter('aimed', 'beta', '{"stopLoss": 80, "takeProfit": [110]}');
select tests.enter('held', 'beta', '{"stopLoss": 80}');

-- The database's clock is set back by a minute; the feed's is right.
update trading.settings set clock_at = clock_at - interval '1 minute';
create function pg_temp.feed(p_bid numeric) returns jsonb language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + interval '1 second');
  return trading.apply_prices(jsonb_build_array(jsonb_build_object('symbol', 'SOLUSDT', 'bid', p_bid, 'ask', p_bid + 0.01, 'source', 'tests',
    'observed_at', trading.engine_now() + interval '1 minute')));
end
$$;
select is(pg_temp.feed(100) -> 'refused', '[]', 'a quote of a moment that our clock has not reached is a quote');
select is((select bid::numeric from public.market_prices where symbol = 'SOLUSDT'), 100::numeric, 'and the price');
select is(pg_temp.feed(94) ->> 'stops', '1', 'one at the stop fires it');
select is(tests.run_jobs(), array['exit filled'], 'the position is sold');
select is((tests.position_of('stopped')).exit_price::numeric, 94::numeric, 'at the price that arrived');
select is(pg_temp.feed(111) ->> 'limits', '1', 'one beyond a target reaches it');
select tests.run_jobs();
select is((tests.position_of('aimed')).status, 'closed', 'and it is sold');

select is(tests.enter('late', 'beta'), null, 'no entry is made meanwhile');
select is((select code from trading.risk_checks where signal_id = tests.signal_id('late')), null, 'nor is one given up');
select is((select trading.assess_entry(s, t, trading.engine_now()) ->> 'code' from public.signals s, public.traders t
    where s.id = tests.signal_id('late') and t.id = s.trader_id), 'price_stale', 'it waits for a price of now');

select trading.sweep();
select results_eq($$ select severity, user_id from public.alerts where code = 'clock_behind' and resolved_at is null order by user_id nulls first $$,
  $$ values ('critical', null), ('critical', tests.user_id('bob')) $$, 'operators and whoever holds something are told with the next sweep');
select matches((select message from public.alerts where code = 'clock_behind' and user_id is null), 'database''s clock is behind .* by 60 s', 'that it is the clock');
select trading.sweep();
select is((select max(occurrences) from public.alerts where code = 'clock_behind'), 1, 'once');
-- The feed dies, too: by the market's own time its last price is never too old before the clock has caught up.
update trading.settings set clock_at = clock_at + interval '31 seconds';
select trading.sweep();
select is((select count(*) from public.alerts where code = 'prices_missing' and resolved_at is null), 2::bigint, 'silence is told after 30 seconds all the same');

update trading.settings set clock_at = clock_at + interval '29 seconds';
select tests.tick(99.99, 100);
select trading.sweep();
select is((select count(*) from public.alerts where code in ('clock_behind', 'prices_missing') and resolved_at is null), 0::bigint, 'a clock that is right again ends it');
select is(array[trading.check_books() ->> 'ledger_imbalance', trading.check_books() ->> 'positions_vs_fills'], array['0', '0'], 'and the books are right');
select * from finish();
rollback;
