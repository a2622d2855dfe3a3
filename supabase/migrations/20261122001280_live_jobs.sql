-- Purpose: a job at an exchange: from call to answer to the next call.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.job_account(p_job trading.jobs) returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(
    (p_job.payload ->> 'account_id')::uuid,
    (select p.account_id from public.positions p where p.id = p_job.position_id),
    (select (trading.live_account(f.user_id)).id from trading.portfolios f where f.id = p_job.portfolio_id));
end
$$;
comment on function trading.job_account is 'The exchange account that a job is about; null: its owner has none.';

-- An entry that has outlived its signal needs no exchange any more.
create function trading.is_past_its_time(p_job trading.jobs, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return p_job.kind = 'enter' and exists (
    select from public.signals s join public.traders t on t.id = s.trader_id
    where s.id = p_job.signal_id and s.decided_at < p_now - make_interval(secs => t.signal_ttl_seconds));
end
$$;
comment on function trading.is_past_its_time is 'Whether a job is an entry whose signal has lived its time.';

create function trading.has_key(p_account_id uuid) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from trading.exchange_keys k where k.account_id = p_account_id and k.is_active);
end
$$;
comment on function trading.has_key is 'Whether an exchange account has an active key.';

-- Who shows a refused key again and again is shut out. Questions may go on where only a change was refused; a sale, which is
-- tried every minute, does not wait another one because a question was refused meanwhile.
create function trading.is_key_refused(p_job trading.jobs, p_account_id uuid, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from trading.exchange_keys k join trading.exchange_calls c on c.id = k.refused_call_id
    where k.account_id = p_account_id and k.is_active and k.refused_at > p_now - case p_job.kind when 'exit' then interval '30 seconds' else interval '1 minute' end
      and (p_job.kind <> 'sync' or c.action not in ('submit', 'submit_pair', 'cancel', 'replace')));
end
$$;
comment on function trading.is_key_refused is 'Whether the exchange refused the active key within the last minute (exits: half a minute), for what the job may want of it.';

create function trading.may_ask_time(p_job trading.jobs) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select count(*) < 2 and coalesce(bool_and(c.outcome = 'accepted'), true) from trading.calls_of_attempt(p_job) c
    where c.action = 'server_time');
end
$$;
comment on function trading.may_ask_time is
  'Whether a job''s present attempt may ask for the exchange''s time: once, and once more after an answer, as that of a worker''s first call is slow.';

create index exchange_calls_clock_idx on trading.exchange_calls (environment, permitted_at) where action = 'server_time' and answered_at is null;

create function trading.is_clock_ageing(p_environment text, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from trading.exchange_clocks c, trading.settings s
    where c.environment = p_environment and c.measured_at < p_now - make_interval(secs => s.clock_max_age_ms * 0.8 / 1000));
end
$$;
comment on function trading.is_clock_ageing is 'Whether an exchange''s clock was measured so long ago (four fifths of clock_max_age_ms) that a question should do it again.';

-- One measurement serves all: whoever comes while it is under way waits for it. Questions renew it in time, so that no sale has to.
create function trading.clock_step(p_job trading.jobs, p_account trading.accounts, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_is_known boolean := trading.clock_offset_ms(p_account.environment, p_job.kind = 'enter', p_now) is not null;
begin
  if trading.is_past_its_time(p_job, p_now) or (v_is_known and not (p_job.kind = 'sync' and trading.is_clock_ageing(p_account.environment, p_now))) then
    return null;
  end if;
  if exists (select from trading.exchange_calls c
      where c.environment = p_account.environment and c.action = 'server_time' and c.answered_at is null and c.permitted_at > p_now - interval '3 seconds')
    or not trading.may_ask_time(p_job) then
    return case when not v_is_known then trading.wait_for('clock_unknown', 'the exchange has not told its time yet') end;
  end if;
  return trading.permit_call(p_job, p_account.id, 'server_time', null, '{}', p_now);
end
$$;
comment on function trading.clock_step is 'The question for an exchange''s time, or the wait for its answer; null: the time is known well enough for the job.';

create function trading.run_live_job(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_account trading.accounts;
  v_next    jsonb;
begin
  if p_job.kind = 'halt' then
    return trading.execute_halt(p_job, p_now);
  end if;
  perform trading.give_up_calls(p_job, p_now);
  select * into v_account from trading.accounts a where a.id = trading.job_account(p_job);
  if v_account.id is not null and not trading.has_key(v_account.id) and p_job.kind <> 'enter' then
    return trading.wait_for_key(p_job, v_account.id, p_now);
  elsif v_account.id is not null and not trading.is_comparison(p_job) and trading.has_key(v_account.id) and not trading.is_past_its_time(p_job, p_now) then
    -- What the account holds is not known before, either: an entry would be denied for want of money. Where the key was refused,
    -- it is denied because trading stands still.
    if not trading.is_key_verified(v_account.id) and not (p_job.kind = 'enter' and trading.is_key_refused(p_job, v_account.id, p_now)) then
      return trading.wait_for('key_unverified', 'the exchange has not said yet whose the new key is');
    elsif p_job.kind <> 'enter' and trading.is_key_refused(p_job, v_account.id, p_now) then
      return trading.wait_for('key_refused', 'the exchange refused the key less than a minute ago');
    end if;
  end if;
  v_next := case when v_account.id is not null then trading.clock_step(p_job, v_account, p_now) end;
  if v_next is not null then
    return v_next;
  end if;
  return case p_job.kind
    when 'enter' then trading.enter_step(p_job, p_now)
    when 'exit' then trading.exit_step(p_job, p_now)
    when 'protect' then trading.protect_step(p_job, p_now)
    when 'cancel' then trading.cancel_step(p_job, p_now)
    when 'sync' then case when trading.is_comparison(p_job) then trading.account_step(p_job, p_now) else trading.sync_step(p_job, p_now) end
    else jsonb_build_object('outcome', 'ignored', 'code', 'kind_not_served') end;
end
$$;
comment on function trading.run_live_job is
  'The next step of a job at an exchange: {outcome: call, call}, or its end. It goes by the rows alone, so it does not matter which worker took the steps before. The caller holds the portfolio''s lock.';

create function trading.is_question(p_outcome jsonb) returns boolean
language sql immutable
return coalesce(p_outcome #>> '{call,action}' not in ('submit', 'submit_pair', 'replace', 'cancel'), false);
comment on function trading.is_question is 'Whether what a job says next is a call that changes nothing at the exchange.';

-- A hosted worker is ended at 150 s of its life, whatever it is at; a slow exchange takes 15 s for each question of many.
create function trading.put_off(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_outcome jsonb := trading.wait_for('worker_spent', 'its worker takes on nothing more; another one goes on');
begin
  perform trading.retry_job(p_job, p_now, v_outcome);
  perform trading.keep_attempt(p_job);
  perform trading.ring_bell();
  return v_outcome;
end
$$;
comment on function trading.put_off is 'Gives a job between two calls back, due at once and within the same attempt: the next worker goes on where it stood. Returns the outcome.';

-- An answer is kept whatever comes of the step after it: that one runs in a transaction of its own inside. Security definer:
-- the worker's role may give commands, and write nothing.
create function trading.answer_call(
  p_job_id bigint, p_fence bigint, p_call_id bigint, p_answer jsonb, p_next_for text default null, p_may_ask boolean default true,
  p_now timestamptz default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' set lock_timeout = '1s' set plan_cache_mode = 'force_generic_plan'
as $$
declare
  v_now     timestamptz;
  v_job     trading.jobs := trading.require_job(p_job_id, p_fence);
  v_outcome jsonb;
  v_is_put_off boolean;
  v_is_news    boolean;
  v_state   text;
  v_message text;
  v_detail  text;
begin
  if not exists (select from trading.exchange_calls c where c.id = p_call_id and c.job_id = p_job_id) then
    perform trading.raise_error('FB404', 'call_not_found', 'this job has made no such call', jsonb_build_object('call_id', p_call_id, 'job_id', p_job_id));
  end if;
  perform trading.lock_portfolio(v_job.portfolio_id);
  -- Read behind the lock: a wait for it would be taken from the window of the next call.
  v_now := coalesce(p_now, trading.engine_now());
  v_outcome := trading.permitted_with(v_job, p_call_id, p_answer);
  if v_outcome is not null then
    return v_outcome || '{"also": 0, "next": null}';
  end if;
  v_is_news := trading.record_answer(p_call_id, p_answer, v_now);
  begin
    v_outcome := trading.complete_job(v_job, v_now);
    -- What the question drew from the budget is given back with it.
    v_is_put_off := not p_may_ask and trading.is_question(v_outcome);
    if v_is_put_off then
      perform trading.raise_error('FB423', 'worker_spent', 'the worker takes on nothing more');
    end if;
    set constraints public.orders_900_confirm_permit, public.orders_910_confirm_permit, public.positions_900_flatten immediate;
  exception when others then
    if v_is_put_off then
      v_outcome := trading.put_off(v_job, v_now);
    else
      get stacked diagnostics v_state = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail;
      perform trading.fail_job(p_job_id, p_fence, v_state, v_message, v_detail, v_now);
      v_outcome := jsonb_build_object('outcome', 'retry', 'code', v_state, 'message', v_message);
    end if;
  end;
  -- All calls draw from this bucket: whoever locks it keeps the others from their permits until its commit.
  if v_is_news then
    perform trading.settle_budget(p_call_id, p_answer);
  end if;
  -- What the answer itself changed has its gates in any case.
  set constraints public.orders_900_confirm_permit, public.orders_910_confirm_permit, public.positions_900_flatten immediate;
  return v_outcome || jsonb_build_object('also', 0, 'next', trading.claim_next(v_job, v_outcome, p_next_for, v_now));
end
$$;
comment on function trading.answer_call is
  'Records what came of a call, once, and takes the job''s next step: {outcome, call?, also, next} as trading.execute_job; the same answer again gets the same next call. Unless p_may_ask a job whose next call changes nothing is left to another worker (retry, worker_spent). FB404 call_not_found, job_not_found, FB409 fence_lost, call_under_way, 55P03 when a lock took over 1 s.';
grant execute on function trading.answer_call to service_role;

-- Asking by itself --------------------------------------------------------------------------------------------------

-- Whoever waits for something else than the budget, a key above all, may wait for ever and must not hold the place of others.
create function trading.questions_left(p_environment text, p_now timestamptz) returns int
language plpgsql stable set search_path = ''
as $$
declare
  v_waiting int := (
    select count(*) from trading.jobs j join public.orders o on o.id = j.order_id join trading.accounts a on a.id = o.account_id
    where j.status = 'queued' and j.kind = 'sync' and a.environment = p_environment and o.state in ('working', 'partially_filled')
      and coalesce(j.last_error ->> 'sqlstate' = 'FB429', j.last_error is null));
begin
  return (
    select floor(coalesce(trading.tokens_at(b, r, p_now), r.burst) / trading.call_weight('lookup', '{}', '')) - v_waiting
    from trading.rate_rules r
    left join trading.rate_budgets b on b.rule = r.name and b.scope_id = trading.derived_id('exchange', p_environment)
    where r.name = 'questions'
  );
end
$$;
comment on function trading.questions_left is 'How many more questions about resting orders the budget of an exchange''s environment has room for; not positive: none.';

create function trading.may_show_key(p_account_id uuid, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from trading.exchange_keys k left join trading.exchange_calls c on c.id = k.refused_call_id
    where k.account_id = p_account_id and k.is_active
      and (coalesce(k.refused_at < p_now - interval '1 minute', true) or c.action in ('submit', 'submit_pair', 'cancel', 'replace')));
end
$$;
comment on function trading.may_show_key is 'Whether an account has an active key of which no question was refused within the last minute: one that may only read answers them.';

-- What the budget would refuse is not queued. Reached orders come before all others, which leave a reserve to them; then the
-- accounts take turns, each with the order that has waited longest: nobody's orders, however many, keep another's from being
-- asked about. The rest follows at a later tick or sweep. An order that nobody knows of is always asked about.
create function trading.queue_questions(p_order_ids uuid[], p_cause text, p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int;
begin
  with wanted as materialized (
    select o.id, a.environment, o.state in ('working', 'partially_filled') as is_resting, v.owed_at is not null as is_reached, coalesce(v.asked_at, o.permitted_at) as asked_at,
      row_number() over (partition by o.account_id, v.owed_at is not null, o.state in ('working', 'partially_filled') order by coalesce(v.asked_at, o.permitted_at), o.id) as turn
    from public.orders o join trading.accounts a on a.id = o.account_id left join trading.venue_orders v on v.order_id = o.id
    where o.id = any (p_order_ids)
      -- The cancel that waits for the end of its time asks nothing before; neither does one that waits for a key.
      and not exists (select from trading.jobs j where j.position_id = o.position_id and j.order_id = o.id
        and (j.status = 'running' or j.status = 'queued' and (j.due_at <= p_now or j.last_error is not null))
        and (j.kind = 'sync' or coalesce(j.last_error ->> 'cause', j.last_error ->> 'code', '') not in ('key_refused', 'key_unavailable', 'not_permitted')))
      and (o.state not in ('working', 'partially_filled') or trading.may_show_key(o.account_id, p_now))
  ), ranked as (
    select w.*, row_number() over (partition by w.environment, w.is_resting order by not w.is_reached, w.turn, w.asked_at, w.id) as rank from wanted w
  ), room as materialized (
    select e.environment, trading.questions_left(e.environment, p_now) as orders, floor(r.poll_reserve / trading.call_weight('lookup', '{}', '')) as kept_for_reached
    from (select distinct w.environment from wanted w where w.is_resting) e, trading.rate_rules r where r.name = 'questions'
  ), queued as (
    select trading.queue_order_sync(w.id, p_cause || ':' || trunc(extract(epoch from p_now) * 1000), p_now)
    from ranked w left join room r on r.environment = w.environment
    where not w.is_resting or w.rank <= r.orders - case when w.is_reached then 0 else r.kept_for_reached end
  )
  select count(*) into v_count from queued;
  return v_count;
end
$$;
comment on function trading.queue_questions is 'Queues the question where these orders stand, as far as the budget has room for those that rest; returns how many.';

-- What a tick reached and no answer speaks of since. A question may not be asked for many reasons when the tick comes: there is
-- no budget, one is under way or was answered a moment ago. The fill of an entry that is not asked about again would leave
-- its position without a stop until the next poll. The pause is for feeds that are faster than the poll of the market (2 s): an
-- order that rests at its price and is not filled takes at most 4 questions a second of the 7.5 for which weight comes in (30 a
-- second, 4 each). Of two such orders, or hundreds, it is the budget that decides: no more than those 30 of the 55 a second
-- that all requests have are ever taken, and who has waited longest comes first.
create function trading.owed_questions(p_now timestamptz) returns uuid[]
language plpgsql stable set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  c_pause constant interval := '250 milliseconds';
begin
  return (
    select array_agg(o.id) from trading.venue_orders v join public.orders o on o.id = v.order_id
    where v.owed_at is not null and v.asked_at <= p_now - c_pause and o.state in ('working', 'partially_filled'));
end
$$;
comment on function trading.owed_questions is 'The resting orders that a tick has reached since the exchange last told of them, unless they were asked about within a quarter of a second; null: none.';

-- Every order at an exchange that is not final is asked about until it is: entries, and whatever may not be there, often; stops
-- and targets that rest now and then, because a tick that reaches them has them asked about at once.
create function trading.queue_due_syncs(p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
begin
  return trading.queue_questions((
    select trading.owed_questions(p_now) || array_agg(o.id)
    from public.orders o left join trading.venue_orders v on v.order_id = o.id, trading.settings s
    where not o.is_paper_trade and o.finished_at is null and o.state <> 'planned'
      and coalesce(v.asked_at, o.permitted_at) < p_now - make_interval(secs =>
        case when o.role in ('stop_loss', 'take_profit') and o.state not in ('submitting', 'unknown') then s.protection_poll_ms else s.order_poll_ms end / 1000.0)), 'poll', p_now);
end
$$;
comment on function trading.queue_due_syncs is 'On each sweep: queues the questions that are owed, and those about orders at an exchange that have not been asked about lately; returns how many.';

reset role;
