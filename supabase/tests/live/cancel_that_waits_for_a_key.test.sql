-- A key that may only read, for three minutes: cancels of entries are tried as the engine sees fit, and the price is at another entry.
begin;
select plan(1);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "sizing_value": 100, "signal_ttl_seconds": 3600, "entry_timeout_seconds": 3600}');
create temp table t as select tests.go_live('ann') as account;
update trading.settings set order_poll_ms = 5000, account_check_ms = 86400000;
create temp table log (at timestamptz, action text);
create temp table s as select trading.engine_now() as at;
create function pg_temp.rest(p_signal text, p_entry numeric) returns void language plpgsql as $$
declare
  v_call jsonb;
begin
  perform tests.tick(101.99, 102, p_after => '1 second');
  perform tests.decide(p_signal, 'alpha', jsonb_build_object('entry', p_entry, 'stopLoss', 90));
  v_call := tests.next_call();
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'working')));
  delete from trading.jobs where status = 'queued';
end
$$;
select pg_temp.rest('one', 100);
select pg_temp.rest('two', 99);
select pg_temp.rest('three', 98);
select trading.enqueue_job('cancel', 'c' || o.id, o.portfolio_id, false, trading.engine_now() + n * interval '20 seconds', p_position_id => o.position_id, p_order_id => o.id, p_payload => '{"reason": "manual"}')
from (select o.*, row_number() over (order by price) as n from public.orders o where o.price < 100) o;
update s set at = trading.engine_now();
create function pg_temp.play() returns void language plpgsql as $$
declare
  v_call jsonb;
begin
  for n in 1 .. 90 loop
    update trading.exchange_clocks set measured_at = trading.engine_now() + interval '2 seconds';
    perform tests.tick(99.98, 99.99, p_after => '2 seconds');
    perform trading.sweep(trading.engine_now());
    v_call := tests.next_call();
    while v_call is not null loop
      insert into log values (trading.engine_now(), v_call ->> 'action');
      perform tests.answer(case v_call ->> 'action'
        when 'cancel' then '{"outcome": "rejected", "reason": "key_refused", "code": -2015, "message": "Invalid API-key, IP, or permissions for action."}'
        when 'lookup' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'working'))
        when 'server_time' then '{"outcome": "accepted", "server_time_ms": 0}'
        else '{"outcome": "rejected", "reason": "refused"}'::jsonb end);
      v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
    end loop;
  end loop;
end
$$;
select pg_temp.play();
select cmp_ok((select count(*) from log l, s where l.action = 'lookup' and l.at > s.at + interval '25 seconds'), '>=', 20::bigint, 'questions go on, each few seconds');
select * from finish();
rollback;
