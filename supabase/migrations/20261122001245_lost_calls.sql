-- Purpose: what becomes of a call whose worker is gone, or did not hear of it.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Whoever was to make it is gone. Without a key it cannot have been made; behind the row's lock none is opened any more.
create function trading.give_up_call(p_call_id bigint, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_call   trading.exchange_calls;
  v_answer jsonb;
begin
  select * into v_call from trading.exchange_calls c where c.id = p_call_id for no key update;
  v_answer := case when v_call.opened_at is null and v_call.action <> 'server_time'
    then '{"outcome": "not_sent", "reason": "worker_lost", "message": "the worker was lost before it opened the key"}'
    else '{"outcome": "unknown", "reason": "worker_lost", "message": "nobody knows whether this call was made"}' end;
  if trading.record_answer(p_call_id, v_answer, p_now) then
    perform trading.settle_budget(p_call_id, v_answer);
  end if;
end
$$;
comment on function trading.give_up_call is 'Answers a call that nobody will answer any more (worker_lost): not_sent while its key was never opened, else unknown.';

-- A request leaves within its call's window and lasts 5 s at most (CHANGE_DEADLINE_MS in the worker); the rest is for its report.
create function trading.is_call_over(p_call trading.exchange_calls, p_now timestamptz) returns boolean
language sql immutable
return p_now > p_call.send_by + case when p_call.opened_at is null then interval '0' else interval '7 seconds' end;
comment on function trading.is_call_over is 'Whether a call that changes something can not be under way any more: its window is over, and the longest request if its key was opened.';

-- A lease is far longer than a call, for the sake of a database that is slow. Who waits for the call does not wait for that.
-- A worker that is reporting right now has its job's row locked: it is not gone.
create function trading.take_from_worker(p_call trading.exchange_calls, p_now timestamptz) returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  if not exists (select from trading.jobs j where j.id = p_call.job_id and j.status = 'running' and j.attempts = p_call.job_attempt) then
    return true;
  elsif not trading.is_call_over(p_call, p_now) then
    return false;
  end if;
  with held as (
    select j.id from trading.jobs j
    where j.id = p_call.job_id and j.status = 'running' and j.attempts = p_call.job_attempt for no key update skip locked
  )
  update trading.jobs j set status = 'queued', worker = null, lease_until = null,
    last_error = jsonb_build_object('message', 'its call has not been answered in time; its worker is believed dead')
  from held where j.id = held.id;
  if found then
    perform trading.ring_bell();
  end if;
  return found;
end
$$;
comment on function trading.take_from_worker is
  'Whether nobody will answer a call any more: its worker has lost the job, or loses it here because the call is over and not reported.';

-- The job that was to place an order may never be taken up again (a resume denies queued entries): then nobody else says that
-- nobody knows.
create function trading.give_up_placing(p_order_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_call trading.exchange_calls;
begin
  select c.* into v_call from trading.call_orders l join trading.exchange_calls c on c.id = l.call_id
  where l.order_id = p_order_id and c.answered_at is null for no key update of c;
  if v_call.id is not null and trading.take_from_worker(v_call, p_now) then
    perform trading.give_up_call(v_call.id, p_now);
  end if;
end
$$;
comment on function trading.give_up_placing is 'Gives up the unanswered call that was to place an order, unless its worker may still be at it.';

-- A call that nobody answered belonged to a worker that is gone: a lease is longer than any call.
create function trading.give_up_calls(p_job trading.jobs, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.give_up_call(c.id, p_now) from trading.exchange_calls c where c.job_id = p_job.id and c.answered_at is null order by c.id;
end
$$;
comment on function trading.give_up_calls is 'Gives up the calls of a job that its workers left unanswered.';

-- Whoever reports an answer again has not heard what was permitted with it: that call, nobody's yet, is theirs. One whose key
-- was opened is being made by somebody who has heard of it, so this report was only longer on its way. Nothing is given up.
create function trading.permitted_with(p_job trading.jobs, p_call_id bigint, p_answer jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_next trading.exchange_calls;
begin
  select n.* into v_next
  from trading.calls_of_attempt(p_job) c join trading.calls_of_attempt(p_job) n on n.id > c.id and n.answered_at is null
  where c.id = p_call_id and c.answered_at is not null and c.answer = p_answer;
  if v_next.opened_at is not null then
    perform trading.raise_error('FB409', 'call_under_way', 'this answer was reported before, and the call that came of it is being made',
      jsonb_build_object('call_id', v_next.id), 'Drop it; whoever makes that call reports it.');
  end if;
  return case when v_next.id is not null then jsonb_build_object('outcome', 'call', 'call', trading.call_json(v_next)) end;
end
$$;
comment on function trading.permitted_with is
  'The call that was permitted with the first report of this same answer and that nobody has begun: {outcome: call, call}; null: the answer is new. FB409 call_under_way once its key was opened.';

reset role;
