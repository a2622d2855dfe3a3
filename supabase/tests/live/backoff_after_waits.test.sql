begin;
select plan(10);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
-- The owner has three coins besides: what rests ends before the sale is placed.
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
delete from trading.jobs where status = 'queued';
create function pg_temp.waits(p_kind text) returns interval language sql as $$
  select j.due_at - trading.engine_now() from trading.jobs j where j.kind = p_kind and j.status = 'queued'
$$;
-- The jobs' work, ten times a second: sales miss their windows, until a stop was to be placed.
create function pg_temp.play(p_seconds int, p_stop text) returns interval language plpgsql as $$
declare
  v_call    jsonb;
  v_is_stop boolean;
begin
  for v_n in 1 .. p_seconds * 10 loop
    perform trading.set_clock(trading.engine_now() + interval '100 milliseconds');
    update trading.exchange_clocks set measured_at = trading.engine_now();
    delete from trading.jobs where kind = 'sync' and status = 'queued';
    v_call := tests.next_call();
    while v_call is not null loop
      v_is_stop := v_call ->> 'action' = 'submit' and v_call #>> '{request,type}' <> 'MARKET';
      perform tests.answer(case
        when v_call ->> 'action' = 'cancel' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'cancelled'))
        when v_is_stop and p_stop = 'rests' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'working'))
        when v_call ->> 'action' = 'submit' then '{"outcome": "not_sent", "reason": "window_over", "message": "its time was over"}'
        else '{"outcome": "accepted"}' end);
      if v_is_stop then
        return (select trading.engine_now() - coalesce(s.naked_since, (select max(m.began_at) from trading.naked_moments m)) from trading.engine_stops s);
      end if;
      v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
    end loop;
  end loop;
end
$$;
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
from public.positions p, t where p.id = t.position;
select cmp_ok(pg_temp.play(10, 'misses'), '<=', '3.2 seconds'::interval, 'the sale misses its window for three seconds, then the stop is to come back');
select is(pg_temp.waits('protect'), interval '200 milliseconds', 'its first miss is the fault of nobody: it is tried again at once');
select cmp_ok((select attempts from trading.jobs where key = 'sell'), '>', 5, 'the sale has been tried a few times');
select is((select array_agg(failures) from trading.jobs where status = 'queued'), '{0,0}', 'nothing has failed so far');

-- What fails now, fails for the first time. ---------------------------------------------------------------------------------
update trading.jobs set status = 'running', worker = 'w', started_at = clock_timestamp(), fence = fence + 1, attempts = attempts + 1,
  lease_until = clock_timestamp() + interval '30 seconds' where key = 'sell';
create function pg_temp.fail(p_sqlstate text) returns text language sql as $$
  select trading.fail_job(j.id, j.fence, p_sqlstate, 'planted', null, trading.engine_now()) from trading.jobs j where key = 'sell'
$$;
select pg_temp.fail('55P03');
select is(pg_temp.waits('exit'), interval '1 second', 'a lock that took too long puts the sale off for a second');
select is(tests.has_alert('job_keeps_failing'), false, 'and is no reason for an alarm');
select cmp_ok(pg_temp.play(10, 'rests'), '<=', '4 seconds'::interval, 'the stop is back before the alarm');

-- And what goes on failing ---------------------------------------------------------------------------------------------------
create function pg_temp.after_failures(p_failures int, p_sqlstate text) returns interval language sql as $$
  select trading.failure_delay(jsonb_populate_record(j, jsonb_build_object('failures', p_failures)), p_sqlstate) from trading.jobs j where key = 'sell'
$$;
select is(array(select pg_temp.after_failures(n, '40P01') from generate_series(1, 4) n), '{00:00:01,00:00:02,00:00:02,00:00:02}', 'a sale does not wait for longer than two seconds');
select is(pg_temp.after_failures(5, '23514'), interval '16 seconds', 'but for what will not go away by itself');
select is(array(select trading.outcome_delay(jsonb_populate_record(j, jsonb_build_object('attempts', n, 'failures', 0)), trading.wait_for('still_open', ''))
  from trading.jobs j, generate_series(1, 4) n where key = 'sell'), '{00:00:01,00:00:02,00:00:02,00:00:02}', 'nor does one that waits ask more often than that');

select * from finish();
rollback;
