-- A tick reaches a target while the crossing of its stop waits for a row that somebody holds. The target waits as well; it is not
-- forgotten.
begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95, "takeProfit": [110, 115, 120]}');
select tests.rest_guard();
delete from trading.jobs where status = 'queued';
create function pg_temp.hold(p_kind text, p_level int, p_price numeric) returns void language sql as $$
  insert into trading.held_crossings (kind, subject_id, level, price, reached_at)
  select p_kind, p.id, p_level, p_price, trading.engine_now() from tests.position_of('one') p
$$;
create function pg_temp.held() returns text language sql as $$
  select string_agg(concat_ws(' ', kind, level, trim_scale(price)), ', ' order by kind, level) from trading.held_crossings
$$;
-- What a tick does once it has seen to the stops.
create function pg_temp.tick(p_bid numeric default null) returns text language plpgsql as $$
begin
  perform trading.notice_live_crossings(case when p_bid is null then '{}' else array[jsonb_populate_record(null::public.market_prices, jsonb_build_object(
    'symbol', 'SOLUSDT', 'bid', p_bid, 'ask', p_bid, 'low', p_bid, 'high', p_bid, 'observed_at', trading.engine_now()))] end, trading.engine_now());
  return pg_temp.held();
end
$$;
create function pg_temp.fired() returns text language sql as $$
  select string_agg(substring(key from ':(\d+):\d+$'), ',' order by key) from trading.jobs where kind = 'exit' and key like 'target:%'
$$;

select pg_temp.hold('target', 1, 111), pg_temp.hold('stop', 0, 94);
select is(pg_temp.tick(), 'stop 0 94, target 1 111', 'a target that was kept waits while its stop does');
select is(pg_temp.tick(116), 'stop 0 94, target 1 116, target 2 116', 'one that is reached meanwhile is kept, too');
select is(pg_temp.fired(), null, 'none of them fires: the stop counts first');
savepoint s;
delete from trading.held_crossings where kind = 'stop';
select is(pg_temp.tick(), null, 'the stop has become needless (it was moved below what it missed): nothing is kept any more');
select is(pg_temp.fired(), '1,2', 'the targets fire, wherever the price is by then');
rollback to s;
delete from trading.held_crossings where kind = 'stop';
update trading.engine_stops set fired_at = trading.engine_now();
select is(pg_temp.tick(), null, 'the stop has fired: the targets are needless');
select is(pg_temp.fired(), null, 'and do not fire');
select * from finish();
rollback;
