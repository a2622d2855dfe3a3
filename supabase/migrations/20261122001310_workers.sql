-- Purpose: how a worker executes a job and reports a failure, and what is pruned of it.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Workers -----------------------------------------------------------------------------------------------------------

create function trading.run_job(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  if not p_job.is_paper then
    return trading.run_live_job(p_job, p_now);
  end if;
  return case p_job.kind
    when 'enter' then trading.execute_entry(p_job, p_now)
    when 'exit' then trading.execute_exit(p_job, p_now)
    when 'sync' then trading.execute_sync(p_job, p_now)
    when 'cancel' then trading.execute_cancel(p_job, p_now)
    when 'protect' then trading.execute_protect(p_job, p_now)
    when 'halt' then trading.execute_halt(p_job, p_now)
    else jsonb_build_object('outcome', 'ignored', 'code', 'kind_not_served') end;
end
$$;
comment on function trading.run_job is 'Executes a job on the paper venue, or takes its next step where an exchange must be asked.';

-- While its price is missing an entry waits a second at a time, within the signal's life; an exit backs off, but never gives up.
create function trading.retry_delay(p_failures int) returns interval
language sql immutable
return make_interval(secs => power(2, least(p_failures, 5) - 1));
comment on function trading.retry_delay is 'Back-off after the n-th failure: 1, 2, 4, 8, then 16 s.';

-- Nobody has refused anything: a call that provably never left, or another one's that has to be over first. An entry that is given
-- back is judged anew for as long as its signal lives; of failures it has but a few.
create function trading.is_mere_wait(p_job trading.jobs, p_outcome jsonb) returns boolean
language sql immutable
return p_job.kind = 'enter' or (p_job.kind in ('exit', 'protect', 'cancel') and coalesce(coalesce(p_outcome ->> 'cause', p_outcome ->> 'code')
    in ('window_over', 'exit_under_way', 'order_under_way', 'order_settled', 'still_open'), false));
comment on function trading.is_mere_wait is
  'Whether an entry, or what ends or guards a position for want of time alone, could not go on yet: no failure, so that the first one after it backs off as the first.';

create function trading.failure_delay(p_job trading.jobs, p_sqlstate text) returns interval
language plpgsql stable set search_path = ''
as $$
declare
  c_most_in_need constant interval := '2 seconds';
begin
  return case when trading.is_transient(p_sqlstate) and (p_job.kind = 'exit' or (p_job.kind = 'protect'
      and exists (select from trading.engine_stops s where s.position_id = p_job.position_id and s.naked_since is not null)))
    then least(trading.retry_delay(p_job.failures), c_most_in_need) else trading.retry_delay(p_job.failures) end;
end
$$;
comment on function trading.failure_delay is 'How long a job waits after an error on this side; exits, and the protection of a naked position, 2 s at most where it may go away by itself.';

-- A spent budget says when it has enough again. Entries of one portfolio draw from the same buckets and would all come back
-- at once: each waits behind those that wait already.
create function trading.budget_delay(p_job trading.jobs, p_detail text) returns interval
language plpgsql stable set search_path = ''
as $$
declare
  v_wait_ms numeric := greatest(coalesce(substring(p_detail from '"wait_ms": ?(\d{1,12})')::numeric, 1000), 200);
  v_line    int := case when p_job.kind <> 'enter' then 0 else (
    select count(*) from trading.jobs j
    where j.portfolio_id = p_job.portfolio_id and j.kind = 'enter' and j.status = 'queued' and j.last_error ->> 'sqlstate' = 'FB429') end;
begin
  return make_interval(secs => least(v_wait_ms * (1 + v_line), 60000) / 1000);
end
$$;
comment on function trading.budget_delay is 'How long a job waits that found the request budget spent, 0.2 to 60 s. p_detail: that of FB429, {.., wait_ms}; without it a second.';

-- A key that is refused is not shown again every few seconds: a new one ends the wait (trading.hasten_jobs). A stop that is
-- refused for what it is, or for want of a slot, would be refused again: it leaves the budget of orders to sales. A sale that
-- waits for another worker's call, or for a fence, has but seconds to wait; one whose call was not sent in time may have ended its
-- stop already. What was bought has no stop before its fills are known.
create function trading.outcome_delay(p_job trading.jobs, p_outcome jsonb) returns interval
language sql stable
return case when coalesce(p_outcome ->> 'cause', p_outcome ->> 'code') in ('key_unavailable', 'key_refused', 'not_permitted') then interval '1 minute'
    when p_job.kind = 'protect' and (p_outcome ->> 'code' = 'too_many_orders'
      or (p_outcome ->> 'code' in ('filter_failed', 'bad_request', 'refused') and p_job.failures >= 3)) then interval '1 minute'
    when p_job.kind = 'sync' and p_outcome ->> 'code' = 'symbol_not_trading' then interval '1 minute'
    when p_job.kind = 'sync' and p_outcome ->> 'code' in ('fills_missing', 'venue_silent') and trading.is_purchase_to_ask_on(p_job.order_id)
      then interval '1 second'
    when p_job.kind = 'enter' and p_outcome ->> 'code' <> 'clock_unknown' then interval '1 second'
    when p_job.kind = 'exit' and p_outcome ->> 'code' in ('order_under_way', 'sell_unproven') then interval '1 second'
    when p_job.kind = 'protect' and p_outcome ->> 'code' = 'exit_under_way' then interval '1 second'
    when trading.is_mere_wait(p_job, p_outcome) then case when coalesce(p_outcome ->> 'cause', p_outcome ->> 'code') = 'window_over'
      then interval '200 milliseconds' else least(trading.retry_delay(p_job.attempts), interval '2 seconds') end
    else trading.retry_delay(p_job.failures) end;
comment on function trading.outcome_delay is 'How long a job waits before its next try, by why it could not go on; its failures include that.';

create function trading.claim_next_entry(p_portfolio_id uuid, p_worker text, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_job trading.jobs;
begin
  update trading.jobs j set status = 'running', worker = p_worker, fence = j.fence + 1, attempts = j.attempts + 1,
    lease_until = clock_timestamp() + make_interval(secs => (select s.lease_ms from trading.settings s) / 1000.0),
    started_at = clock_timestamp()
  where j.id = (
    select q.id from trading.jobs q
    where q.portfolio_id = p_portfolio_id and q.status = 'queued' and q.kind = 'enter' and q.due_at <= p_now
    order by q.id limit 1
    for no key update skip locked)
  returning * into v_job;
  return case when v_job.id is not null then trading.job_json(v_job) end;
end
$$;
comment on function trading.claim_next_entry is 'Claims the portfolio''s next due entry in the transaction that finished the one before; null if there is none.';

-- Runs a locked job and writes down what became of it.
create function trading.complete_job(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_outcome jsonb := trading.run_job(p_job, p_now);
  v_delay   interval;
  v_next_at timestamptz;
begin
  if v_outcome ->> 'outcome' = 'call' then
    update trading.jobs j set lease_until = clock_timestamp() + make_interval(secs => (select s.lease_ms from trading.settings s) / 1000.0)
    where j.id = p_job.id;
    return v_outcome;
  elsif v_outcome ->> 'outcome' = 'retry' then
    p_job.failures := p_job.failures + (not trading.is_mere_wait(p_job, v_outcome))::int;
    v_delay := trading.outcome_delay(p_job, v_outcome);
    v_next_at := p_now + greatest(v_delay, trading.guard_time(p_job, v_outcome, v_delay, p_now));
    p_job.waits_since := coalesce(p_job.waits_since, p_now);
    perform trading.retry_job(p_job, v_next_at, v_outcome);
    if p_job.kind = 'exit' then
      perform trading.alert_failed_exit(p_job, v_outcome, coalesce(v_outcome ->> 'code', '') not in ('order_under_way', 'order_settled'), v_next_at, p_now);
    end if;
  else
    perform trading.finish_job(p_job, v_outcome);
    if p_job.kind = 'exit' then
      perform trading.end_exit_alert(p_job, p_now);
    end if;
  end if;
  perform trading.publish_outcome(p_job, v_outcome);
  return v_outcome;
end
$$;
comment on function trading.complete_job is 'Executes a job, finishes it or gives it back for a later try, and publishes the change; where it has to call an exchange first, it stays with its worker. Returns the outcome.';

-- A job that is run in the transaction that locked it needs no lease, so it goes from queued to its end in one update.
create function trading.lock_next_entry(p_portfolio_id uuid, p_worker text, p_now timestamptz) returns trading.jobs
language plpgsql volatile set search_path = ''
as $$
declare
  v_job trading.jobs;
begin
  select * into v_job from trading.jobs q
  where q.portfolio_id = p_portfolio_id and q.status = 'queued' and q.kind = 'enter' and q.due_at <= p_now
  order by q.id limit 1
  for no key update skip locked;
  v_job.worker := p_worker;
  v_job.fence := v_job.fence + 1;
  v_job.attempts := v_job.attempts + 1;
  v_job.started_at := clock_timestamp();
  return v_job;
end
$$;
comment on function trading.lock_next_entry is 'Locks the portfolio''s next due entry for this transaction and returns it as its runner would write it; id null if there is none.';

-- The portfolio's next entries in the same transaction: their commits and round trips cost as much as their work. A batch
-- is only a saving: the first error undoes its own job alone, which is then executed, and fails, by itself.
create function trading.complete_next_entries(p_portfolio_id uuid, p_worker text, p_most int, p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_next trading.jobs;
  v_done int := 0;
begin
  while v_done < p_most and not trading.is_stopping() loop
    begin
      v_next := trading.lock_next_entry(p_portfolio_id, p_worker, p_now);
      exit when v_next.id is null;
      perform trading.complete_job(v_next, p_now);
    exception when others then
      exit;
    end;
    v_done := v_done + 1;
  end loop;
  return v_done;
end
$$;
comment on function trading.complete_next_entries is 'Executes up to p_most further due entries of a portfolio; stops at the first that raises, leaving it queued, and when a stop of everyone is under way. Returns how many.';

-- A worker that ends a job is given the next one in the same answer: after a live entry its protection, before all else.
create function trading.claim_next(p_job trading.jobs, p_outcome jsonb, p_worker text, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  c_all   constant int := 6;
  c_entry constant int := 5;
  v_live  int := c_all;
  v_next  jsonb;
begin
  if p_worker is null or p_outcome ->> 'outcome' = 'call' or (p_job.kind = 'enter' and p_outcome ->> 'outcome' = 'retry') then
    return null;
  end if;
  if p_job.kind <> 'enter' or not p_job.is_paper then
    v_live := trading.uncrowded_priority(p_now);
    v_next := (select trading.job_json(c) from trading.claim_others(p_worker, 1,
      make_interval(secs => (select s.lease_ms from trading.settings s) / 1000.0), p_now,
      c_all, v_live) c);
  end if;
  if p_job.kind = 'enter' and v_next is null and v_live >= c_entry and not trading.is_stopping() then
    v_next := trading.claim_next_entry(p_job.portfolio_id, p_worker, p_now);
  end if;
  return v_next;
end
$$;
comment on function trading.claim_next is 'What a worker does after a job: the portfolio''s next entry after one (a live one beside no crowd), else the next job that is no entry; null while the job is not over.';

create function trading.execute_job(p_job_id bigint, p_fence bigint, p_next_for text default null, p_now timestamptz default null) returns jsonb
language plpgsql volatile security definer set search_path = '' set lock_timeout = '1s' set plan_cache_mode = 'force_generic_plan'
as $$
declare
  v_job     trading.jobs := trading.require_job(p_job_id, p_fence);
  v_now     timestamptz;
  v_outcome jsonb;
  v_also    int := 0;
  v_next    jsonb;
begin
  -- Behind the lock: a wait for it would be taken from the window of a live job's call.
  if not v_job.is_paper and v_job.portfolio_id is not null then
    perform trading.lock_portfolio(v_job.portfolio_id);
  end if;
  v_now := coalesce(p_now, trading.engine_now());
  v_outcome := trading.complete_job(v_job, v_now);
  if v_job.kind = 'enter' and v_job.is_paper and p_next_for is not null and v_outcome ->> 'outcome' <> 'retry' then
    v_also := trading.complete_next_entries(v_job.portfolio_id, p_next_for, (select s.entry_batch - 1 from trading.settings s), v_now);
  end if;
  v_next := trading.claim_next(v_job, v_outcome, p_next_for, v_now);
  -- The gates are taken here and not at the commit, so that a refusal is this command's answer.
  set constraints public.orders_900_confirm_permit, public.orders_910_confirm_permit, public.positions_900_flatten immediate;
  return v_outcome || jsonb_build_object('also', v_also, 'next', v_next);
end
$$;
comment on function trading.execute_job is
  'Executes a claimed job in one transaction. Where p_next_for names a worker, it goes on with the portfolio''s next paper entries (also: how many) and claims one more, or after another job the next that is no entry: {outcome, code?, position_id?, also, next}; a live job may answer {outcome: call, call}: the worker makes the call and hands its answer to trading.answer_call. FB409 fence_lost, FB404 job_not_found, FB423 trading_not_active when a halt came in between, 55P03 when a lock took over 1 s.';
grant execute on function trading.execute_job to service_role;

create function trading.is_transient(p_sqlstate text) returns boolean
language sql immutable
return p_sqlstate in ('40001', '40P01', '55P03', '57014', 'NETWORK', 'PGRST000', 'PGRST001', 'PGRST002', 'PGRST003', 'FB423', 'FB429')
  or left(p_sqlstate, 2) in ('08', '53', '57');
comment on function trading.is_transient is 'Whether an error may go away by itself: serialisation, deadlock, lock or statement timeout, connection, resources, shutdown, network, an API that cannot reach the database, a halt that came in between, or a spent request budget.';

create function trading.fail_job(p_job_id bigint, p_fence bigint, p_sqlstate text, p_message text, p_detail text default null, p_now timestamptz default null)
returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now      timestamptz := coalesce(p_now, trading.engine_now());
  v_job      trading.jobs := trading.require_job(p_job_id, p_fence);
  v_error    jsonb := jsonb_build_object('sqlstate', p_sqlstate, 'message', left(p_message, 500), 'detail', left(p_detail, 2000));
  v_attempts int := (select s.job_max_attempts from trading.settings s);
  v_user_id  uuid := (select p.user_id from trading.portfolios p where p.id = v_job.portfolio_id);
  v_next_at  timestamptz;
begin
  v_job.failures := v_job.failures + (p_sqlstate <> 'FB429')::int;
  v_job.waits_since := coalesce(v_job.waits_since, v_now);
  -- An entry over budget waits for as long as its signal lives: then a rule denies it.
  if v_job.kind <> 'enter' or p_sqlstate = 'FB429' or (trading.is_transient(p_sqlstate) and v_job.failures < v_attempts) then
    v_next_at := v_now + case when p_sqlstate = 'FB429' then trading.budget_delay(v_job, p_detail) else trading.failure_delay(v_job, p_sqlstate) end;
    perform trading.retry_job(v_job, v_next_at, v_error);
    -- Begun anew, it would spend what there is on the questions that it has asked already, and never come to its end.
    if p_sqlstate = 'FB429' and v_job.kind <> 'enter' then
      perform trading.keep_attempt(v_job);
    end if;
    if (v_job.failures >= v_attempts and p_sqlstate <> 'FB429') or not trading.is_transient(p_sqlstate) then
      perform trading.raise_alert(v_now, 'critical', 'job_keeps_failing', v_user_id, 'job', v_job.id::text,
        format('The %s job of position %s keeps failing: %s', v_job.kind, v_job.position_id, left(p_message, 200)), v_error);
    elsif v_job.kind = 'exit' then
      perform trading.alert_failed_exit(v_job, v_error || jsonb_build_object('code', p_sqlstate), false, v_next_at, v_now);
    end if;
    return 'queued';
  end if;
  update trading.jobs set status = 'dead', last_error = v_error, finished_at = clock_timestamp(), lease_until = null where id = v_job.id;
  perform trading.set_signal_status(v_job.signal_id, 'rejected', 'engine_error', left(p_message, 500), v_now);
  perform trading.raise_alert(v_now, 'critical', 'entry_failed', v_user_id, 'signal', v_job.signal_id::text,
    'An entry could not be executed: ' || left(p_message, 200), v_error);
  perform trading.audit(v_now, 'job_dead', v_user_id, null, 'job', v_job.id::text, v_error);
  return 'dead';
end
$$;
comment on function trading.fail_job is
  'Takes a worker''s error for a job: transient ones go back to the queue with back-off; an entry that cannot succeed is dead, its signal rejected (engine_error) and an alert raised. Everything but entries is retried until it is done.';
grant execute on function trading.fail_job to service_role;

create function trading.has_due_jobs(p_now timestamptz default null) returns boolean
language plpgsql volatile security definer set search_path = ''
as $$
begin
  return (
    select exists (select from trading.jobs j where j.status = 'queued' and j.due_at <= coalesce(p_now, trading.engine_now()))
  );
end
$$;
comment on function trading.has_due_jobs is 'Whether any queued job is due.';
grant execute on function trading.has_due_jobs to service_role;

create function trading.prune(p_keep interval default '7 days') returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  c_keep_questions constant interval := '90 days';
  v_count bigint;
begin
  delete from trading.jobs j where j.status = 'done' and j.finished_at < clock_timestamp() - p_keep;
  get diagnostics v_count = row_count;
  -- The oldest come first, by their index; calls that placed or ended orders stay with them.
  delete from trading.exchange_calls c
  using (
    select o.id from trading.exchange_calls o where o.action in ('check_order', 'lookup', 'fills', 'open_orders', 'balances', 'server_time') order by o.id limit 10000) oldest
  where c.id = oldest.id and c.answered_at < clock_timestamp() - c_keep_questions;
  perform trading.end_old_denials(trading.engine_now());
  return v_count;
end
$$;
comment on function trading.prune is 'Removes done jobs older than p_keep, whose effects are in orders, trades and the audit log, and questions to exchanges older than 90 days; resolves old alerts of denials; returns how many jobs.';
grant execute on function trading.prune to service_role;

reset role;
