begin;
select plan(17);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
create temp table start as select trading.engine_now() as at;
create function pg_temp.ms(p_after interval) returns jsonb language sql as $$
  select jsonb_build_object('updated_at_ms', floor(extract(epoch from (select at from start) + p_after) * 1000))
$$;
create function pg_temp.now_is(p_after interval) returns void language plpgsql as $$
begin
  perform trading.set_clock((select at from start) + p_after);
  update trading.exchange_clocks set measured_at = trading.engine_now();
end
$$;
create function pg_temp.since() returns interval language sql as $$ select naked_since - (select at from start) from trading.engine_stops $$;
create function pg_temp.moment() returns text language sql as $$
  select concat_ws(' ', extract(epoch from n.began_at - s.at)::numeric(9, 3), extract(epoch from n.ended_at - s.at)::numeric(9, 3)) from trading.naked_moments n, start s order by n.id desc limit 1
$$;
create function pg_temp.places(p_after interval, p_told interval default null) returns void language plpgsql as $$
declare
  v_call jsonb := tests.next_call();
begin
  if p_told is not null then
    perform pg_temp.now_is(p_told);
  end if;
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'working', 0, pg_temp.ms(p_after))));
end
$$;
-- What a lookup says, some time later.
create function pg_temp.stop_ends(p_told interval, p_at interval, p_executed numeric default 0) returns void language plpgsql as $$
declare
  v_stop public.orders := tests.order_of('one', 'stop_loss');
begin
  perform pg_temp.now_is(p_told);
  perform trading.fold_venue_report(v_stop.id, tests.venue_report(jsonb_build_object('client_order_id', v_stop.client_order_id), 'expired', p_executed, pg_temp.ms(p_at)), trading.engine_now());
end
$$;

-- The exchange's clock is 3 s ahead of ours.
update trading.exchange_clocks set offset_ms = 3000;
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
create temp table entry as select tests.next_call() as call;
select pg_temp.now_is('1200 milliseconds');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from entry), 'filled', 1, jsonb_build_object('fills', jsonb_build_array(
  jsonb_build_object('trade_id', '1', 'price', '100', 'quantity', '1', 'value', '100', 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'BUY', 'executed_at', (select at from start) + interval '3400 milliseconds'))))));
select is(pg_temp.since(), interval '400 milliseconds', 'a position is naked from its fill on, by our clock');
select pg_temp.places('4500 milliseconds', '1700 milliseconds');
select is(pg_temp.moment(), '0.400 1.500', 'until the exchange has its stop');

select pg_temp.stop_ends('13500 milliseconds', '13 seconds');
select is(pg_temp.since(), interval '10 seconds', 'a stop that ended was missing from then on');
select trading.watch_naked(trading.engine_now());
select ok(not tests.has_alert('position_unguarded'), 'what was missing for less than five seconds in sum is no alarm');
select pg_temp.now_is('15500 milliseconds');
select trading.watch_naked(trading.engine_now());
select ok(tests.has_alert('position_unguarded'), 'more than five are, whenever it was noticed');
select pg_temp.places('18500 milliseconds');
select is(pg_temp.moment(), '10.000 15.500', 'and that is how long it was');
select ok(not tests.has_alert('position_unguarded'), 'then the alarm is over');

-- Noticed late, and mended before any sweep.
update public.alerts set created_at = created_at - interval '1 day';
select pg_temp.stop_ends('50 seconds', '33 seconds');
select pg_temp.places('53 seconds');
select is(pg_temp.moment(), '30.000 50.000', 'twenty seconds that nobody noticed count');
select is((select count(*) from public.alerts where code = 'position_unguarded' and created_at = trading.engine_now() and resolved_at is not null), 1::bigint, 'and are told all the same');

-- What cannot be -----------------------------------------------------------------------------------------------------------
select pg_temp.stop_ends('60 seconds', '90 seconds');
select is(pg_temp.since(), interval '60 seconds', 'never after it was noticed');
select pg_temp.places('63 seconds');
select pg_temp.stop_ends('70 seconds', '1 second');
select is(pg_temp.since(), interval '60 seconds', 'never before the stop had its permit');
select pg_temp.places('73 seconds');
select is(trading.changed_at(o, '{}', trading.engine_now()), null, 'a report without a time says nothing about it') from tests.order_of('one', 'stop_loss') o;

-- One that executed in part before it ended, and whose fills are not shown yet.
savepoint s;
select pg_temp.stop_ends('76 seconds', '78 seconds', 0.4);
select is((tests.order_of('one', 'stop_loss')).finished_at, null, 'the books wait for its fills');
select is(pg_temp.since(), interval '75 seconds', 'but it guards no more');
select trading.block_budget('request_weight', (tests.order_of('one', 'stop_loss')).account_id, trading.engine_now() + interval '1 minute', trading.engine_now());
select pg_temp.now_is('82 seconds');
select trading.watch_naked(trading.engine_now());
select ok(tests.has_alert('position_unguarded'), 'and that is told, even when nobody may ask the exchange');
rollback to s;

-- The end of one that was replaced long ago is told again while the next one is under way.
create temp table old as select (tests.order_of('one', 'stop_loss')).id;
select pg_temp.stop_ends('80 seconds', '83 seconds');
select is((tests.next_call() ->> 'action'), 'submit', 'another one is placed');
select pg_temp.now_is('90 seconds');
select is(trading.ended_at(o, trading.engine_now()), trading.engine_now(), 'and the old one''s end is no news') from public.orders o join old on old.id = o.id;

select * from finish();
rollback;
