begin;
select plan(11);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
-- The owner has three coins besides: what rests ends before the sale is placed.
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
delete from trading.jobs where status = 'queued';
delete from trading.naked_moments;
create temp table moments (at timestamptz, is_naked boolean);
create temp table calls (at timestamptz, kind text, action text);
-- Ten looks a second at what is due. Whatever rests is ended for the sale, which is not sent in time.
create function pg_temp.play(p_seconds int) returns void language plpgsql as $$
declare
  v_call jsonb;
begin
  for v_n in 1 .. p_seconds * 10 loop
    perform trading.set_clock(trading.engine_now() + interval '100 milliseconds');
    update trading.exchange_clocks set measured_at = trading.engine_now();
    if v_n % 20 = 0 then
      perform trading.watch_naked(trading.engine_now());
    end if;
    delete from trading.jobs where kind = 'sync' and status = 'queued';
    v_call := tests.next_call();
    while v_call is not null loop
      insert into calls select trading.engine_now(), j.kind, v_call ->> 'action' from tests.live_work w join trading.jobs j on j.id = w.job_id;
      perform tests.answer(case
        when v_call ->> 'action' = 'submit' and v_call #>> '{request,type}' = 'MARKET' then '{"outcome": "not_sent", "reason": "window_over", "message": "its time was over"}'
        when v_call ->> 'action' = 'submit' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'working'))
        when v_call ->> 'action' = 'cancel' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'cancelled'))
        else '{"outcome": "accepted"}'::jsonb end);
      v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
    end loop;
    insert into moments select trading.engine_now(), s.naked_since is not null from trading.engine_stops s;
  end loop;
end
$$;
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
from public.positions p, t where p.id = t.position;
create temp table start as select trading.engine_now() as at;
select pg_temp.play(16);
select cmp_ok((select count(*) from moments where is_naked and at <= (select s.at + interval '3.2 seconds' from start s)), '>=', 28::bigint,
  'a sale that is not sent in time has three seconds');
select is((select array_agg(extract(epoch from m.at - s.at)) from moments m, start s where is_naked and m.at > s.at + interval '3.2 seconds'), null,
  'then the stop is back, as soon as each further try has ended it');
select cmp_ok((select count(*) from calls c, start s where c.kind = 'exit' and c.action = 'submit' and c.at > s.at + interval '3.2 seconds'), '>=', 6::bigint,
  'of which there goes on being one every two seconds');
select cmp_ok((select count(*) from calls where kind = 'protect' and action = 'submit'), '<=', 9::bigint, 'and not more: each costs a stop');
select is(tests.has_alert('position_unguarded'), false, 'three seconds are no alarm');
truncate moments;
select trading.set_clock(trading.engine_now() + interval '1 minute');
select pg_temp.play(4);
select cmp_ok((select count(*) from moments where is_naked), '>=', 15::bigint, 'a minute later there is patience again');

-- Several moments, each shorter than the alarm -----------------------------------------------------------------------------------
update trading.engine_stops set naked_since = null, naked_cause = null;
delete from trading.naked_moments;
delete from public.alerts;
create function pg_temp.moment(p_ago interval, p_long interval) returns void language sql as $$
  insert into trading.naked_moments (position_id, began_at, ended_at, cause)
  select position, trading.engine_now() - p_ago - p_long, trading.engine_now() - p_ago, 'stop_ended' from t
$$;
create function pg_temp.ends(p_long interval) returns void language sql as $$
  update trading.engine_stops set naked_since = trading.engine_now() - p_long, naked_cause = 'stop_ended';
  select trading.note_guarded(t.position, null, trading.engine_now()) from t;
$$;
select pg_temp.moment('31 seconds', '4 seconds'), pg_temp.moment('20 seconds', '2 seconds'), pg_temp.moment('10 seconds', '2 seconds');
select pg_temp.ends('900 milliseconds');
select is((select count(*) from public.alerts where code = 'position_unguarded'), 0::bigint, 'less than five seconds of the last thirty tell nobody');
select trading.set_clock(trading.engine_now() + interval '1 second');
select pg_temp.ends('200 milliseconds');
select is((select count(*) from public.alerts where code = 'position_unguarded'), 1::bigint, 'more do');
select trading.set_clock(trading.engine_now() + interval '1 second');
select pg_temp.ends('200 milliseconds');
select is((select count(*) from public.alerts where code = 'position_unguarded'), 1::bigint, 'once');
update trading.engine_stops set naked_since = trading.engine_now(), naked_cause = 'stop_ended';
select trading.watch_naked(trading.engine_now());
select is(tests.has_alert('position_unguarded'), false, 'what has just begun is left to its end');
select trading.watch_naked(trading.engine_now() + interval '100 milliseconds');
select ok(tests.has_alert('position_unguarded'), 'but not by the sweep, while it lasts');

select * from finish();
rollback;
