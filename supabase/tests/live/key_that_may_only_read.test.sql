-- A key that may only read, for three minutes: the stop of one position is to be moved, and is tried as the engine sees fit; another ones is reached.
begin;
select plan(1);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
update trading.settings set order_poll_ms = 5000, account_check_ms = 86400000;
create temp table log (at timestamptz, action text);
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 85}');
select tests.rest_guard();
select tests.buy_live('two', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
delete from trading.jobs where status = 'queued';
update public.positions set stop_loss_price = 86 where id = (tests.position_of('one')).id;
select trading.queue_protection((tests.position_of('one')).id, trading.engine_now());
create temp table s as select trading.engine_now() as at;
create function pg_temp.play() returns void language plpgsql as $$
declare
  v_call jsonb;
  v_bid  numeric;
begin
  for n in 1 .. 90 loop
    update trading.exchange_clocks set measured_at = trading.engine_now() + interval '2 seconds';
    v_bid := case when n < 15 then 99.98 else 94.9 end;
    perform tests.tick(v_bid, v_bid + 0.01, p_after => '2 seconds');
    perform trading.sweep(trading.engine_now());
    v_call := tests.next_call();
    while v_call is not null loop
      insert into log values (trading.engine_now(), v_call ->> 'action');
      perform tests.answer(case
        when v_call ->> 'action' in ('cancel', 'replace', 'submit', 'submit_pair') then '{"outcome": "rejected", "reason": "key_refused", "code": -2015, "message": "Invalid API-key, IP, or permissions for action."}'
        when v_call ->> 'action' = 'lookup' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request' || '{"quantity": "1"}', 'working'))
        when v_call ->> 'action' = 'server_time' then '{"outcome": "accepted", "server_time_ms": 0}'
        when v_call ->> 'action' = 'check_order' then '{"outcome": "accepted"}'
        else '{"outcome": "rejected", "reason": "refused"}' end::jsonb);
      v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
    end loop;
  end loop;
end
$$;
select pg_temp.play();
select cmp_ok((select count(*) from log l, s where l.action = 'lookup' and l.at > s.at + interval '25 seconds'), '>=', 20::bigint, 'questions go on about the stop that the price has reached');
select * from finish();
rollback;
