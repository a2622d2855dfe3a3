-- Purpose: what follows from a halt: decisions denied, entries cancelled, positions closed, and the proof that all of it is done.
-- Locks:   SHARE ROW EXCLUSIVE on orders and positions while a trigger is created.

set role fillbase_engine;

-- A decision waits for nothing here: what a worker or another writer holds is skipped, and judged by that worker.
create function trading.deny_queued_entries(p_state_scope text, p_scope_id uuid, p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_account   trading.accounts;
  v_count     int;
begin
  select * into v_account from trading.accounts a where p_state_scope = 'account' and a.id = p_scope_id;
  with over as (
    select j.id, s.id as signal_id, s.trader_id, f.user_id, j.payload ->> 'decision_id' as decision_id,
      s.decision_id::text = j.payload ->> 'decision_id' and s.status = 'ready'
        and not exists (select from public.positions p where p.signal_id = s.id and p.status <> 'failed') as is_newest
    from trading.jobs j
    join trading.portfolios f on f.id = j.portfolio_id
    join public.signals s on s.id = j.signal_id
    where j.status = 'queued' and j.kind = 'enter'
      and (p_state_scope = 'system' or (p_state_scope = 'user' and f.user_id = p_scope_id) or (p_state_scope = 'portfolio' and f.id = p_scope_id)
        or (p_state_scope = 'trader' and s.trader_id = p_scope_id and not j.is_paper)
        or (v_account.environment = 'paper' and s.trader_id = v_account.trader_id and j.is_paper)
        or (v_account.environment <> 'paper' and j.portfolio_id = v_account.portfolio_id))
    for no key update of j, s skip locked
  ), ended as (
    update trading.jobs j set status = 'done', finished_at = clock_timestamp(),
      outcome = jsonb_build_object('outcome', 'denied', 'code', 'trading_not_active')
    from over o where j.id = o.id
  ), rejected as (
    update public.signals s set status = 'rejected', rejection_code = 'trading_not_active', closed_at = p_now, updated_at = p_now,
      rejection_reason = 'trading was paused or halted before the decision could be executed'
    from over o where s.id = o.signal_id and o.is_newest
  )
  insert into public.audit_log (occurred_at, actor, action, user_id, trader_id, subject_type, subject_id, detail)
  select p_now, trading.actor(), 'signal_rejected', o.user_id, o.trader_id, 'signal', o.signal_id::text,
    jsonb_build_object('from', 'ready', 'code', 'trading_not_active', 'decision_id', o.decision_id)
  from over o order by o.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function trading.deny_queued_entries is 'Ends the queued decisions of a scope: denied, their signals rejected (trading_not_active); returns how many.';

create function trading.queue_cancels(p_state_scope text, p_scope_id uuid, p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int;
begin
  with queued as (
    insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, order_id, payload)
    select 'cancel', concat_ws(':', 'halt', o.id, o.version), o.portfolio_id, o.is_paper_trade, p_now, o.position_id, o.id,
      '{"reason": "trading_stopped"}'
    from trading.live_entries(p_state_scope, p_scope_id) o
    where not exists (select from trading.jobs j where j.position_id = o.position_id and j.kind = 'cancel' and j.order_id = o.id
      -- One that waits for its next try has been tried; one that has not been is the entry's time-out.
      and (j.status = 'running' or (j.status = 'queued' and (j.due_at <= p_now or j.attempts > 0))))
    order by o.id
    on conflict (key) do nothing
    returning position_id, order_id
  )
  -- Looked up one by one: as a join it would read every job there ever was, under the stop's lock.
  select count(*) into v_count from queued q
  where (select true from trading.jobs j where j.position_id = q.position_id and j.order_id = q.order_id and j.kind = 'cancel'
    and j.payload ->> 'reason' = 'trading_stopped' limit 1) is null;
  return v_count;
end
$$;
comment on function trading.queue_cancels is 'Queues the cancel of every entry in flight of a scope that has none on its way; returns how many of them had no such cancel before.';

create function trading.queue_closes(p_state_scope text, p_scope_id uuid, p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int;
begin
  with queued as (
    insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, payload)
    select 'exit', concat_ws(':', 'flatten', p.id, p.version), p.portfolio_id, p.is_paper_trade, p_now, p.id, '{"reason": "trading_stopped"}'
    from trading.live_positions(p_state_scope, p_scope_id) p
    where p.status in ('open', 'monitoring') and not exists (
      select from trading.jobs j where j.position_id = p.id and j.kind = 'exit' and j.status in ('queued', 'running') and not j.payload ? 'quantity')
    order by p.id
    on conflict (key) do nothing
    returning position_id
  )
  select count(*) into v_count from queued q
  where (select true from trading.jobs j where j.position_id = q.position_id and j.kind = 'exit' and j.payload ->> 'reason' = 'trading_stopped' limit 1) is null;
  return v_count;
end
$$;
comment on function trading.queue_closes is 'Queues the sale of every open position of a scope that has no whole exit on its way; returns how many of them had no such sale before.';

-- Progress ----------------------------------------------------------------------------------------------------------

create function trading.stop_json(p_stop trading.stop_requests) returns jsonb
language sql stable
return jsonb_build_object('stop_id', p_stop.id, 'scope', p_stop.scope, 'id', p_stop.scope_id, 'mode', p_stop.mode, 'reason', p_stop.reason,
    'requested_by', p_stop.requested_by, 'requested_at', p_stop.requested_at, 'halted_at', p_stop.halted_at, 'settled_at', p_stop.settled_at,
    'flattened_at', p_stop.flattened_at, 'ended_at', p_stop.ended_at);
comment on function trading.stop_json is 'A stop as callers and frontends see it.';

-- Not by publish_change: its version is a row of the portfolio, and a stop waits for no other command.
create function trading.publish_stop(p_stop trading.stop_requests) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.publish(coalesce('user:' || p_stop.user_id, 'operators'), 'stop', trading.stop_json(p_stop)
    || (select jsonb_build_object('entries_in_flight', (select count(*) from trading.live_entries(p_stop.state_scope, p_stop.state_scope_id)),
      'positions_left', (select count(*) from trading.live_positions(p_stop.state_scope, p_stop.state_scope_id) p where p.quantity > 0))));
end
$$;
comment on function trading.publish_stop is 'Broadcasts a stop and what is left of its work: to its user, or on the channel "operators" when it is over everyone.';

create function trading.publish_state(p_state trading.trading_states) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.publish('user:' || u.user_id, 'trading_state', jsonb_build_object('scope', p_state.scope, 'trader_id', u.trader_id,
    'portfolio_id', u.portfolio_id, 'mode', u.mode, 'state', p_state.state, 'flatten', p_state.flatten, 'reason', p_state.reason, 'since', p_state.set_at))
  from (
    select distinct f.user_id, null::uuid as trader_id, null::uuid as portfolio_id, null::text as mode from trading.portfolios f
    where p_state.scope = 'system' or (p_state.scope = 'user' and f.user_id = p_state.scope_id)
    union all
    select f.user_id, null, f.id, f.mode from trading.portfolios f where p_state.scope = 'portfolio' and f.id = p_state.scope_id
    union all
    select a.user_id, a.trader_id, null, case a.environment when 'paper' then 'paper' else 'live' end
    from trading.accounts a where p_state.scope = 'account' and a.id = p_state.scope_id
    union all
    select t.user_id, t.id, null, 'live' from public.traders t where p_state.scope = 'trader' and t.id = p_state.scope_id
  ) u;
end
$$;
comment on function trading.publish_state is 'Broadcasts a trading state to every user it is over.';

-- An emergency alert for each user a stop touches; the operators have theirs from the commit that halted.
create function trading.announce_stop(p_stop trading.stop_requests, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'emergency', 'emergency_stop', u.user_id, 'stop', p_stop.id || ':' || u.user_id,
    format('Trading was stopped (%s): %s', replace(p_stop.mode, '_', ' '), p_stop.reason),
    jsonb_build_object('stop_id', p_stop.id, 'scope', p_stop.scope, 'mode', p_stop.mode))
  from (
    select p_stop.user_id where p_stop.user_id is not null
    union
    select f.user_id from trading.portfolios f where p_stop.user_id is null
  ) u;
  update trading.stop_requests s set announced_at = p_now where s.id = p_stop.id;
end
$$;
comment on function trading.announce_stop is 'Raises the emergency alert of every user a stop touches, once.';

-- Locking the stop first makes what ends at the same moment look one after the other, so the last one sees that it is.
create function trading.advance_stop(p_stop_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_before trading.stop_requests;
  v_stop   trading.stop_requests;
begin
  select * into v_before from trading.stop_requests s where s.id = p_stop_id and s.ended_at is null for no key update;
  update trading.stop_requests s set
    settled_at = coalesce(s.settled_at, p_now),
    flattened_at = coalesce(s.flattened_at, case when s.mode = 'halt_and_flatten' and not exists (
      select from trading.live_positions(s.state_scope, s.state_scope_id) p where p.status in ('open', 'monitoring', 'closing')) then p_now end)
  where s.id = v_before.id and not exists (select from trading.live_entries(s.state_scope, s.state_scope_id))
  returning * into v_stop;
  if (v_stop.settled_at, v_stop.flattened_at) is not distinct from (v_before.settled_at, v_before.flattened_at) or v_stop.id is null then
    return;
  end if;
  if v_before.settled_at is null then
    perform trading.audit(p_now, 'stop_settled', v_stop.user_id, v_stop.trader_id, 'stop', v_stop.id::text);
  end if;
  if v_before.flattened_at is null and v_stop.flattened_at is not null then
    perform trading.audit(p_now, 'stop_flattened', v_stop.user_id, v_stop.trader_id, 'stop', v_stop.id::text);
  end if;
  perform trading.publish_stop(v_stop);
end
$$;
comment on function trading.advance_stop is 'Marks a stop settled when no entry is in flight, and flattened when besides no position is left; audited and broadcast.';

-- The job of set_trading_state: what a halt's own commit left to be done. Orders first; the decisions that wait are many and
-- can do no harm, so they are a second job.
create function trading.execute_halt(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_state trading.trading_states;
  v_done  jsonb;
begin
  select * into v_state from trading.trading_states s
  where s.scope = p_job.payload ->> 'scope' and s.scope_id = (p_job.payload ->> 'scope_id')::uuid;
  if v_state.state = 'active' then
    return jsonb_build_object('outcome', 'ignored', 'code', 'resumed');
  end if;
  v_done := case p_job.payload ->> 'step' when 'decisions' then trading.end_decisions(v_state, p_now) else trading.end_orders(v_state, p_job, p_now) end;
  return jsonb_build_object('outcome', 'done') || v_done;
end
$$;
comment on function trading.execute_halt is 'Ends what a scope that is not active has under way: its orders (and under flatten its positions), or its decisions.';

create function trading.end_orders(p_state trading.trading_states, p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_cancels int := trading.queue_cancels(p_state.scope, p_state.scope_id, p_now);
  v_closes  int := case when p_state.flatten then trading.queue_closes(p_state.scope, p_state.scope_id, p_now) else 0 end;
  v_stop    trading.stop_requests;
begin
  perform trading.enqueue_job('halt', p_job.key || ':decisions', null, true, p_now, p_payload => p_job.payload || '{"step": "decisions"}');
  perform trading.publish_state(p_state);
  update trading.stop_requests s set cancel_count = s.cancel_count + v_cancels, close_count = s.close_count + v_closes
  where s.state_scope = p_state.scope and s.state_scope_id = p_state.scope_id and s.ended_at is null
  returning * into v_stop;
  if v_stop.id is not null then
    perform trading.publish_stop(v_stop);
    perform trading.advance_stop(v_stop.id, p_now);
  end if;
  return jsonb_build_object('cancels', v_cancels, 'closes', v_closes);
end
$$;
comment on function trading.end_orders is 'Queues the cancels and, under flatten, the closes of a scope, and after them the end of its decisions; tells whom it concerns.';

create function trading.end_decisions(p_state trading.trading_states, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_denied int := trading.deny_queued_entries(p_state.scope, p_state.scope_id, p_now);
  v_stop   trading.stop_requests;
begin
  update trading.stop_requests s set denied_count = s.denied_count + v_denied
  where s.state_scope = p_state.scope and s.state_scope_id = p_state.scope_id and s.ended_at is null
  returning * into v_stop;
  if v_stop.id is not null and v_stop.announced_at is null then
    perform trading.announce_stop(v_stop, p_now);
  end if;
  return jsonb_build_object('denied', v_denied);
end
$$;
comment on function trading.end_decisions is 'Denies the decisions of a scope that are still queued, and raises the alerts of its stop.';

create function trading.advance_stops(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_state   trading.trading_states;
  v_stop    trading.stop_requests;
  v_cancels int;
  v_closes  int;
begin
  for v_stop in
    select * from trading.stop_requests s
    where s.ended_at is null
      and (s.settled_at is null or s.announced_at is null or (s.mode = 'halt_and_flatten' and s.flattened_at is null))
    for no key update skip locked
  loop
    -- With the workers down this is the first to act, and the halt's own job finds nothing left to count.
    v_cancels := case when v_stop.settled_at is null then trading.queue_cancels(v_stop.state_scope, v_stop.state_scope_id, p_now) else 0 end;
    v_closes := case when v_stop.mode = 'halt_and_flatten' then trading.queue_closes(v_stop.state_scope, v_stop.state_scope_id, p_now) else 0 end;
    update trading.stop_requests s set cancel_count = s.cancel_count + v_cancels, close_count = s.close_count + v_closes
    where s.id = v_stop.id and v_cancels + v_closes > 0;
    if v_stop.announced_at is null then
      perform trading.announce_stop(v_stop, p_now);
    end if;
    perform trading.publish_stop(v_stop);
    perform trading.advance_stop(v_stop.id, p_now);
  end loop;
  -- Flatten stands also after its stop was flattened, and whoever holds that stop's row.
  for v_state in select * from trading.trading_states s where s.flatten loop
    perform trading.queue_closes(v_state.scope, v_state.scope_id, p_now);
  end loop;
end
$$;
comment on function trading.advance_stops is 'On each sweep: queues again what a standing stop still needs, and marks how far it got.';

-- The last cancel and the last close mark their stop in their own commit, so that nobody waits for the sweep. While more
-- are left than workers could be ending now, none of them is the last, and they do not wait for each other.
create function trading.is_nearly_done(p_stop trading.stop_requests) returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  c_ending_now constant int := 20;
begin
  return c_ending_now > case when p_stop.settled_at is null
    then (select count(*) from (select from trading.live_entries(p_stop.state_scope, p_stop.state_scope_id) limit c_ending_now) l)
    else (select count(*) from (select from trading.live_positions(p_stop.state_scope, p_stop.state_scope_id) limit c_ending_now) l) end;
end
$$;
comment on function trading.is_nearly_done is 'Whether so few of a stop''s entries, or once settled of its positions, are left that the last could be ending now.';

create function trading.tg_orders__advance_stop() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.advance_stop(s.id, new.updated_at) from trading.stop_requests s
  where s.ended_at is null and s.settled_at is null and trading.is_nearly_done(s) and (s.state_scope, s.state_scope_id) in (
    ('system', trading.system_scope_id()), ('user', new.user_id), ('portfolio', new.portfolio_id), ('account', new.account_id), ('trader', new.trader_id));
  return null;
end
$$;
create trigger orders_600_advance_stop after update on public.orders
  for each row when (new.role = 'entry' and new.reason = 'trading_stopped' and old.finished_at is null and new.finished_at is not null)
  execute function trading.tg_orders__advance_stop();

create function trading.tg_positions__advance_stop() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.advance_stop(s.id, new.updated_at) from trading.stop_requests s
  where s.ended_at is null and s.mode = 'halt_and_flatten' and s.flattened_at is null and trading.is_nearly_done(s)
    and (s.state_scope, s.state_scope_id) in (
      ('system', trading.system_scope_id()), ('user', new.user_id), ('portfolio', new.portfolio_id), ('account', new.account_id), ('trader', new.trader_id));
  return null;
end
$$;
create trigger positions_600_advance_stop after update on public.positions
  for each row when (new.status = 'closed' and old.status <> 'closed' and new.exit_reason = 'trading_stopped')
  execute function trading.tg_positions__advance_stop();

reset role;
