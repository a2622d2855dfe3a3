begin;
select plan(5);
select tests.open_desk();
create function pg_temp.apply(p_symbols text[], p_is_full boolean) returns int language sql as $$
  select trading.apply_instruments((select coalesce(jsonb_agg(to_jsonb(i)), '[]') from public.instruments i where i.symbol = any (p_symbols)), 'tests', p_is_full)
$$;
select trading.doubt_filters('SOLUSDT', trading.engine_now() + interval '2 hours');
select ok(tests.has_alert('filters_doubted', 'SOLUSDT'), 'filters that the exchange contradicts are doubted');
select pg_temp.apply('{BTCUSDT}', false);
select ok(tests.has_alert('filters_doubted', 'SOLUSDT'), 'a list of other symbols says nothing about them');
select pg_temp.apply('{BTCUSDT}', true);
select is((select (status, doubted_at) from public.instruments where symbol = 'SOLUSDT'), row('DELISTED'::text, null::timestamptz), 'a full list without the symbol strikes it off');
select ok(not tests.has_alert('filters_doubted', 'SOLUSDT'), 'and ends the alert with the doubt, in the same list');

select trading.doubt_filters('BTCUSDT', trading.engine_now() + interval '2 hours');
select pg_temp.apply('{BTCUSDT}', false);
select ok(not tests.has_alert('filters_doubted', 'BTCUSDT'), 'as a list with the symbol does');

select * from finish();
rollback;
