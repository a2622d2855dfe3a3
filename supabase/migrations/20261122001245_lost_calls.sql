-- Purpose: what becomes of a call whose worker is gone, or did not hear of it.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Whoever was to make it is gone. Without a key it cannot have been made; behind the row's lock none is opened any more.
create function trading.give_up_call(p_call_id bigint, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_call trading.exchange_calls;
begin
  select * into v_call from trading.exchange_calls c where c.id = p_call_id for no key update;
  perform trading.record_answer(p_call_id, case
    when v_call.opened_at is null and v_call.action <> 'server_time'
      then '{"outcome": "not_sent", "reason": "worker_lost", "message": "the worker was lost before it opened the key"}'::jsonb
    else '{"outcome": "unknown", "reason": "worker_lost", "message": "nobody knows whether this call was made"}' end, p_now);
end
$$;
comment on function trading.give_up_call is 'Answers a call that nobody will answer any more (worker_lost): not_sent while its key was never opened, else unknown.';

-- The job that was to place an order may never be taken up again (a resume denies queued entries): then nobody else says that
-- nobody knows.
create function trading.give_up_placing(p_order_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.give_up_call(c.id, p_now) from trading.call_orders l join trading.exchange_calls c on c.id = l.call_id
  where l.order_id = p_order_id and c.answered_at is null
    and not exists (select from trading.jobs j where j.id = c.job_id and j.status = 'running' and j.attempts = c.job_attempt);
end
$$;
comment on function trading.give_up_placing is 'Gives up the unanswered call that was to place an order, unless its worker still has the job.';

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
