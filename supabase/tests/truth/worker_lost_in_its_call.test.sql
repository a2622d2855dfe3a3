begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
-- A call belongs to its worker until it can not be under way any more: at the end of its window without a key, else 7 s later.
create function pg_temp.is_over(p_after interval) returns boolean language sql as $$
  select trading.is_call_over(c, c.send_by + p_after) from trading.exchange_calls c where c.answered_at is null
$$;
create function pg_temp.asked_after(p_after interval) returns text language plpgsql as $$
begin
  perform trading.set_clock((select c.send_by + p_after from trading.exchange_calls c where c.answered_at is null and c.action = 'submit'));
  update trading.exchange_clocks set measured_at = trading.engine_now();
  perform trading.give_up_placing((tests.order_of('one', 'stop_loss')).id, trading.engine_now());
  return (select concat_ws(' ', (tests.order_of('one', 'stop_loss')).state, j.status) from trading.jobs j join tests.live_work w on w.job_id = j.id);
end
$$;

select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select is(tests.next_call() ->> 'action', 'submit', 'a worker is to place the stop');
select is(array[pg_temp.is_over('7 seconds'), pg_temp.is_over('7001 milliseconds')], '{f,t}', 'its key is open: it may be at it for seven seconds more than the window');
update trading.exchange_calls set opened_at = null where answered_at is null;
select is(array[pg_temp.is_over('0 seconds'), pg_temp.is_over('1 millisecond')], '{f,t}', 'without the key it can not be once the window is over');
update trading.exchange_calls set opened_at = permitted_at where answered_at is null;

select is(trading.queue_due_syncs(trading.engine_now() + interval '6 seconds'), 1, 'whether it is there is asked after five seconds');
delete from trading.jobs where status = 'queued' and kind = 'sync';
create temp table held as select * from tests.live_work;
select is(pg_temp.asked_after('7 seconds'), 'submitting running', 'until then nobody takes it from its worker');
select is(pg_temp.asked_after('7001 milliseconds'), 'unknown queued', 'then nobody knows, and the job is free');
select is((select j.last_error ->> 'message' from trading.jobs j join held h on h.job_id = j.id), 'its call has not been answered in time; its worker is believed dead', 'which says why');
select throws_like(format('select trading.answer_call(%s, %s, %s, %L)', h.job_id, h.fence, h.answer #>> '{call,id}', '{"outcome": "accepted"}'), 'fence_lost%',
  'a worker that comes back all the same has lost it') from held h;
select is(tests.next_call() ->> 'action', 'lookup', 'the next worker asks about the order');
select is((select array_agg(o.state) from public.orders o where o.role = 'stop_loss'), '{unknown}', 'and places no other one beside it');

-- Whoever waits for it looks often. ------------------------------------------------------------------------------------------
select is(trading.outcome_delay(jsonb_populate_record(j, '{"kind": "exit", "failures": 5}'), trading.wait_for('order_under_way', '')), interval '1 second',
  'an exit that waits for a call comes back each second') from trading.jobs j limit 1;
select is(trading.outcome_delay(jsonb_populate_record(j, '{"kind": "exit", "failures": 5}'), trading.wait_for('sale_open', '')), interval '16 seconds',
  'one that waits for the exchange backs off') from trading.jobs j limit 1;
select trading.fold_venue_report((tests.order_of('one', 'stop_loss')).id, '{"status": "working", "executed_quantity": "0"}', trading.engine_now());
delete from trading.jobs where status = 'queued';
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status = 'running';
select is(trading.queue_due_syncs(trading.engine_now() + interval '29 seconds'), 0, 'a stop that rests is asked about every thirty seconds');
select is(trading.queue_due_syncs(trading.engine_now() + interval '31 seconds'), 1, 'and not more rarely');

select * from finish();
rollback;
