begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
delete from trading.jobs where status = 'queued';
create function pg_temp.queue(p_key text, p_payload jsonb) returns bigint language sql as $$
  select trading.enqueue_job('exit', p_key, p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => p_payload)
  from public.positions p, t where p.id = t.position
$$;
-- A try that ends in an error of this side.
create function pg_temp.fail(p_sqlstate text, p_detail text, p_after interval) returns void language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_after);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  delete from trading.jobs where kind = 'sync' and status = 'queued';
  perform trading.fail_job((j ->> 'id')::bigint, (j ->> 'fence')::bigint, p_sqlstate, 'it waits', p_detail)
  from jsonb_array_elements(trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs') j;
end
$$;
create function pg_temp.severity() returns text language sql as $$ select a.severity from public.alerts a where a.code = 'exit_failed' and a.resolved_at is null $$;

-- For the request budget -------------------------------------------------------------------------------------------------------
select pg_temp.queue('whole', '{"reason": "manual"}');
select pg_temp.fail('FB429', '{"wait_ms": 1000}', '0 seconds');
select is(pg_temp.severity(), null, 'a sale that waits a second for the request budget is nothing to tell');
select pg_temp.fail('FB429', '{"wait_ms": 1000}', '3 seconds');
select is(pg_temp.severity(), null, 'nor is one that waits again');
select pg_temp.fail('FB429', '{"wait_ms": 1500}', '1 second');
select is(pg_temp.severity(), 'critical', 'one that will not have been made after five seconds is, whatever it waited for');
select is((select detail ->> 'code' from public.alerts where code = 'exit_failed'), 'FB429', 'with what that was');
select tests.end_by_hand();
update public.alerts set resolved_at = trading.engine_now(), resolved_by = 'engine' where resolved_at is null;

select pg_temp.queue('shut', '{"reason": "manual"}');
select pg_temp.fail('FB429', '{"wait_ms": 3600000}', '0 seconds');
select is(pg_temp.severity(), 'critical', 'where the budget is shut for long that is known at once');
delete from trading.jobs where status = 'queued';
update public.alerts set resolved_at = trading.engine_now(), resolved_by = 'engine' where resolved_at is null;

select pg_temp.queue('locked', '{"reason": "manual"}');
select pg_temp.fail('55P03', null, '2 seconds') from generate_series(1, 3);
select is(pg_temp.severity(), 'critical', 'locks count as well');
delete from trading.jobs where status = 'queued';
update public.alerts set resolved_at = trading.engine_now(), resolved_by = 'engine' where resolved_at is null;

-- A part ------------------------------------------------------------------------------------------------------------------------
create function pg_temp.sell(p_quantity text, p_answer jsonb) returns void language plpgsql as $$
declare
  v_call jsonb;
begin
  perform trading.set_clock(trading.engine_now() + interval '1 second');
  update trading.exchange_clocks set measured_at = trading.engine_now();
  delete from trading.jobs where kind = 'sync' and status = 'queued';
  v_call := tests.next_call();
  perform tests.answer(coalesce(p_answer, jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'filled', p_quantity::numeric,
    jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', 's' || (v_call ->> 'id'), 'price', '100', 'quantity', p_quantity, 'value', (p_quantity::numeric * 100)::text,
      'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL', 'executed_at', trading.engine_now())))))));
end
$$;
select pg_temp.queue('part', '{"reason": "ai", "quantity": "0.4"}');
select pg_temp.sell('0.4', '{"outcome": "not_sent", "reason": "window_over", "message": "its time was over"}');
select is(pg_temp.severity(), 'warning', 'a part that missed its window is told of');
select pg_temp.sell('0.4', null);
select is((select p.quantity::numeric from public.positions p, t where p.id = t.position), 0.6, 'sold, it leaves the position open');
select is((select status from trading.jobs where key = 'part'), 'done', 'its exit is over');
select is(pg_temp.severity(), null, 'and so is the alert');
select trading.set_clock(trading.engine_now() + interval '2 days');
delete from trading.jobs where status = 'queued';
select pg_temp.queue('another part', '{"reason": "ai", "quantity": "0.2"}');
select pg_temp.sell('0.2', '{"outcome": "not_sent", "reason": "window_over", "message": "its time was over"}');
select is(pg_temp.severity(), 'warning', 'two days later the first miss of another one is a warning');
select pg_temp.sell('0.2', null);
select is(pg_temp.severity(), null, 'until that is sold');

select * from finish();
rollback;
