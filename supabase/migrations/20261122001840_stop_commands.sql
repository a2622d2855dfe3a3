-- Purpose: what a person may say: pause, stop, resume.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function public.pause_trading(p_scope text, p_id uuid default null, p_reason text default null) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_scope  trading.stop_scope := trading.require_stop_scope(p_scope, p_id);
  v_reason text := trading.require_reason(p_reason);
  v_now    timestamptz := trading.engine_now();
  v_by     text := trading.caller_name();
  v_state  trading.trading_states;
begin
  v_state := trading.set_trading_state(v_scope.state_scope, v_scope.state_scope_id, 'reducing', false, v_reason, v_by, v_now);
  perform trading.mark_operators_state(v_scope);
  -- Somebody else had reasons of their own, also where what stood before was as strict.
  if v_state.set_by <> v_by then
    perform trading.audit(v_now, 'pause_repeated', v_scope.user_id, v_scope.trader_id, v_scope.state_scope, v_scope.state_scope_id::text,
      jsonb_build_object('by', v_by, 'reason', v_reason, 'state', v_state.state));
  end if;
  return jsonb_build_object('scope', v_scope.scope, 'id', v_scope.scope_id, 'state', v_state.state, 'flatten', v_state.flatten,
    'reason', v_state.reason, 'set_by', v_state.set_by, 'since', v_state.set_at);
end
$$;
comment on function public.pause_trading is
  'No new entry for a trader, an account, a portfolio, a user (default: the caller) or everyone until resumed; positions stay, guarded, and may be closed. What stands more strictly stays. Returns {scope, id, state, flatten, reason, set_by, since}. FB400 scope_invalid, reason_invalid; FB403 operators_only; FB404 trader_not_found, account_not_found, portfolio_not_found, user_not_found.';

create function trading.mark_operators_state(p_scope trading.stop_scope) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if p_scope.is_for_another then
    update trading.trading_states s set needs_operator = true
    where s.scope = p_scope.state_scope and s.scope_id = p_scope.state_scope_id and not s.needs_operator;
  end if;
end
$$;
comment on function trading.mark_operators_state is 'Notes that somebody else than the owner acted, whose word the owner cannot undo.';

-- The standing stop of the scope under this call, made stricter if it asks for more. The caller holds the gate.
create function trading.standing_stop(p_scope trading.stop_scope, p_mode text, p_reason text, p_by text, p_now timestamptz)
returns trading.stop_requests
language plpgsql volatile set search_path = ''
as $$
declare
  v_stop trading.stop_requests;
begin
  select * into v_stop from trading.stop_requests s
  where s.state_scope = p_scope.state_scope and s.state_scope_id = p_scope.state_scope_id and s.ended_at is null;
  if v_stop.mode = 'halt' and p_mode = 'halt_and_flatten' then
    update trading.stop_requests s set mode = p_mode where s.id = v_stop.id returning * into v_stop;
    perform trading.audit(p_now, 'stop_escalated', v_stop.user_id, v_stop.trader_id, 'stop', v_stop.id::text,
      jsonb_build_object('by', p_by, 'mode', p_mode, 'reason', p_reason));
  end if;
  -- Somebody else had reasons of their own, also where they changed nothing.
  if v_stop.requested_by <> p_by then
    perform trading.audit(p_now, 'stop_repeated', v_stop.user_id, v_stop.trader_id, 'stop', v_stop.id::text,
      jsonb_build_object('by', p_by, 'mode', p_mode, 'reason', p_reason));
  end if;
  return v_stop;
end
$$;
comment on function trading.standing_stop is 'The stop that stands over a scope, if any; a halt becomes halt_and_flatten when that is asked for. What another person than the first asks is audited.';

create function trading.close_gate_of(p_scope text, p_id uuid) returns trading.stop_scope
language plpgsql volatile set search_path = ''
as $$
declare
  v_scope trading.stop_scope := trading.require_stop_scope(p_scope, p_id);
  v_now   trading.stop_scope;
begin
  loop
    perform trading.close_gate(v_scope.state_scope, v_scope.state_scope_id);
    -- The trader may have switched its mode while this waited: its other mode has another gate.
    v_now := trading.require_stop_scope(p_scope, p_id);
    exit when v_now.state_scope_id is not distinct from v_scope.state_scope_id;
    v_scope := v_now;
  end loop;
  return v_now;
end
$$;
comment on function trading.close_gate_of is 'The scope a stop is about, as it is with its gate closed by this transaction. Errors of trading.require_stop_scope.';

create function public.stop_trading(
  p_scope text, p_id uuid default null, p_mode text default 'halt', p_reason text default null, p_request_id uuid default gen_random_uuid()
) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_requested_at timestamptz := trading.engine_now();
  v_scope  trading.stop_scope;
  v_reason text := trading.require_reason(p_reason);
  v_by     text := trading.caller_name();
  v_id     uuid := trading.derived_id('stop', v_by, p_request_id::text);
  v_stop   trading.stop_requests;
begin
  if (p_mode in ('halt', 'halt_and_flatten')) is not true then
    perform trading.raise_error('FB400', 'mode_invalid', 'the mode is halt or halt_and_flatten', jsonb_build_object('mode', left(p_mode, 40)));
  end if;
  if p_request_id is null then
    perform trading.raise_error('FB400', 'request_id_missing', 'a request id names the call; it may be left out, not null');
  end if;
  if p_scope = 'everyone' then
    perform trading.require_stop_scope(p_scope, p_id);
    perform pg_advisory_xact_lock(trading.stopping_key());
  end if;
  v_scope := trading.close_gate_of(p_scope, p_id);
  -- A call that comes again after the stop was resumed is an echo, not a wish.
  select * into v_stop from trading.stop_requests s where s.id = v_id;
  if found then
    -- A standing halt_and_flatten may have begun as the halt that is repeated here.
    if (v_stop.scope, v_stop.scope_id) <> (v_scope.scope, v_scope.scope_id) or (v_stop.mode = 'halt' and p_mode <> v_stop.mode) then
      perform trading.raise_error('FB409', 'request_conflict', 'this request id was used before for another scope or a milder mode',
        jsonb_build_object('request_id', p_request_id, 'stop_id', v_id));
    end if;
    if v_stop.ended_at is not null then
      perform trading.raise_error('FB409', 'stop_ended', 'the stop of this request has been resumed since; nothing is halted by it',
        jsonb_build_object('stop_id', v_id, 'ended_at', v_stop.ended_at, 'ended_by', v_stop.ended_by), 'A new stop needs a new request id.');
    end if;
    return trading.stop_json(v_stop);
  end if;
  perform trading.set_trading_state(v_scope.state_scope, v_scope.state_scope_id, 'halted', p_mode = 'halt_and_flatten', v_reason, v_by, v_requested_at);
  perform trading.mark_operators_state(v_scope);
  v_stop := trading.standing_stop(v_scope, p_mode, v_reason, v_by, v_requested_at);
  if v_stop.id is not null then
    return trading.stop_json(v_stop);
  end if;
  insert into trading.stop_requests (id, scope, scope_id, state_scope, state_scope_id, user_id, trader_id, mode, reason, requested_by,
    requested_at, halted_at)
  values (v_id, v_scope.scope, v_scope.scope_id, v_scope.state_scope, v_scope.state_scope_id, v_scope.user_id, v_scope.trader_id, p_mode,
    v_reason, v_by, v_requested_at, trading.engine_now())
  returning * into v_stop;
  perform trading.audit(v_stop.halted_at, 'stop_requested', v_stop.user_id, v_stop.trader_id, 'stop', v_stop.id::text,
    jsonb_build_object('by', v_by, 'scope', v_stop.scope, 'mode', p_mode, 'reason', v_reason, 'request_id', p_request_id));
  perform trading.raise_alert(v_stop.halted_at, 'emergency', 'emergency_stop', null, 'stop', v_stop.id::text,
    format('Trading was stopped for %s (%s): %s', concat_ws(' ', v_stop.scope, nullif(v_stop.scope_id, trading.system_scope_id())),
      replace(p_mode, '_', ' '), v_reason), trading.stop_json(v_stop));
  return trading.stop_json(v_stop);
end
$$;
comment on function public.stop_trading is
  'The emergency stop of a trader, an account, a portfolio, a user (default: the caller) or everyone: when it returns and commits, no order that opens or enlarges a position gets a permit. halt cancels entries in flight; halt_and_flatten also closes every position. Again, while it stands: the same stop; another person''s call is audited. Returns {stop_id, scope, id, mode, requested_at, halted_at, settled_at, flattened_at, ..}; progress in public.stop_progress. FB400 scope_invalid, mode_invalid, reason_invalid, request_id_missing; FB403 operators_only; FB404 trader_not_found, account_not_found, portfolio_not_found, user_not_found; FB409 request_conflict, stop_ended (a repeated call whose stop was resumed).';

-- Ends the stop of a scope that is being resumed, and its alerts with it.
create function trading.end_stop(p_scope trading.stop_scope, p_by text, p_now timestamptz) returns uuid
language plpgsql volatile set search_path = ''
as $$
declare
  v_stop trading.stop_requests;
begin
  update trading.stop_requests s set ended_at = p_now, ended_by = p_by
  where s.state_scope = p_scope.state_scope and s.state_scope_id = p_scope.state_scope_id and s.ended_at is null
  returning * into v_stop;
  if found then
    update public.alerts a set resolved_at = p_now, resolved_by = p_by
    where a.code = 'emergency_stop' and a.resolved_at is null and split_part(a.subject_id, ':', 1) = v_stop.id::text;
    perform trading.publish_stop(v_stop);
  end if;
  return v_stop.id;
end
$$;
comment on function trading.end_stop is 'Ends the standing stop of a scope and resolves its alerts; returns its id, if there was one.';

create function trading.account_cause(p_account_id uuid) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select a.code from public.alerts a
    where a.subject_type = 'account' and a.subject_id = p_account_id::text and a.resolved_at is null
      and a.code in ('order_unexplained', 'exchange_key_wrong', 'exchange_key_refused', 'exchange_key_cannot_trade')
    order by a.created_at limit 1
  );
end
$$;
comment on function trading.account_cause is
  'The open alert of an exchange account that stopped it and has not been put right: order_unexplained, exchange_key_wrong, exchange_key_refused or exchange_key_cannot_trade; else null.';

create function trading.require_resumable(p_scope trading.stop_scope, p_state trading.trading_states, p_force boolean, p_now timestamptz) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_cause text;
begin
  if (select auth.role()) = 'service_role' then
    perform trading.raise_error('FB403', 'resume_by_hand', 'trading is resumed by a person: the owner, an operator or the database owner', '{}',
      'Call with the token of that person.');
  end if;
  if p_state.needs_operator and not public.is_operator() and not trading.is_database_owner() then
    perform trading.raise_error('FB403', 'operators_only', 'an operator stopped this; only an operator resumes it');
  end if;
  v_cause := case when p_scope.scope in ('trader', 'portfolio') then trading.standing_cause(p_scope.user_id, p_scope.state_scope_id, p_now) end;
  -- A live trader's own state was not set by what is wrong with its account: that is another state, with a resume of its own.
  if v_cause is null and p_scope.scope = 'account' then
    v_cause := trading.account_cause(p_scope.scope_id);
  end if;
  if v_cause is not null and not p_force then
    perform trading.raise_error('FB409', 'cause_stands', format('what stopped trading still stands: %s', v_cause), jsonb_build_object('cause', v_cause),
      'Wait until it is over, or resume with p_force and a reason.');
  end if;
  return v_cause;
end
$$;
comment on function trading.require_resumable is 'The cause that stands and is overridden, or null. FB403 resume_by_hand, operators_only; FB409 cause_stands.';

-- The sequence, not the table: a decision whose transaction has yet to commit was made before, too.
create function trading.newest_job() returns bigint
language plpgsql volatile set search_path = ''
as $$
begin
  return coalesce(pg_sequence_last_value(pg_get_serial_sequence('trading.jobs', 'id')::regclass), 0);
end
$$;
comment on function trading.newest_job is 'The highest number that a job has been given; 0: none yet.';

create function trading.mend_resume(p_scope trading.stop_scope, p_state trading.trading_states, p_by text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if p_state.set_at > p_now then
    update trading.trading_states s set set_at = p_now, resumed_after_job = trading.newest_job()
    where s.scope = p_state.scope and s.scope_id = p_state.scope_id returning * into p_state;
    perform trading.audit(p_now, 'resume_mended', p_scope.user_id, p_scope.trader_id, p_state.scope, p_state.scope_id::text, jsonb_build_object('by', p_by));
    perform trading.publish_state(p_state);
  end if;
end
$$;
comment on function trading.mend_resume is 'Gives a resume that was given under a clock that was ahead the time of now.';

create function trading.stopped_portfolios(p_scope trading.stop_scope) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'mode', f.mode, 'state', s.state, 'reason', s.reason) order by f.mode), '[]')
    from trading.portfolios f join trading.trading_states s on s.scope = 'portfolio' and s.scope_id = f.id and s.state <> 'active'
    where f.user_id = p_scope.user_id
  );
end
$$;
comment on function trading.stopped_portfolios is
  'Portfolios of the user a scope belongs to that are not active, as after a loss limit: who resumes something else of that user is told of them.';

create function public.resume_trading(p_scope text, p_id uuid default null, p_reason text default null, p_force boolean default false) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now    timestamptz := trading.engine_now();
  v_scope  trading.stop_scope := trading.require_stop_scope(p_scope, p_id);
  v_reason text := trading.require_reason(p_reason);
  v_by     text := trading.caller_name();
  v_state  trading.trading_states;
  v_cause  text;
  v_denied int;
  v_stop   uuid;
begin
  perform trading.close_gate(v_scope.state_scope, v_scope.state_scope_id);
  select * into v_state from trading.trading_states s where s.scope = v_scope.state_scope and s.scope_id = v_scope.state_scope_id;
  if coalesce(v_state.state, 'active') = 'active' then
    perform trading.mend_resume(v_scope, v_state, v_by, v_now);
    return jsonb_build_object('scope', v_scope.scope, 'id', v_scope.scope_id, 'state', 'active', 'was', 'active', 'stop_id', null,
      'stopped_portfolios', trading.stopped_portfolios(v_scope));
  end if;
  -- Before anything that the sweep takes after it.
  perform from trading.stop_requests s where s.state_scope = v_state.scope and s.state_scope_id = v_state.scope_id and s.ended_at is null
  for no key update;
  v_cause := trading.require_resumable(v_scope, v_state, coalesce(p_force, false), v_now);
  -- A decision made before now was made for a market that is gone: it does not come to life again.
  v_denied := trading.deny_queued_entries(v_state.scope, v_state.scope_id, v_now);
  update trading.trading_states s set state = 'active', flatten = false, needs_operator = false, reason = v_reason, set_by = v_by, set_at = v_now,
    resumed_after_job = trading.newest_job()
  where s.scope = v_state.scope and s.scope_id = v_state.scope_id;
  v_stop := trading.end_stop(v_scope, v_by, v_now);
  perform trading.audit(v_now, 'trading_resumed', v_scope.user_id, v_scope.trader_id, v_state.scope, v_state.scope_id::text,
    jsonb_strip_nulls(jsonb_build_object('by', v_by, 'reason', v_reason, 'from', v_state.state, 'stopped_by', v_state.set_by,
      'overridden_cause', v_cause, 'denied', v_denied, 'stop_id', v_stop)));
  perform trading.publish_state(s) from trading.trading_states s where s.scope = v_state.scope and s.scope_id = v_state.scope_id;
  return jsonb_build_object('scope', v_scope.scope, 'id', v_scope.scope_id, 'state', 'active', 'was', v_state.state, 'stop_id', v_stop,
    'stopped_portfolios', trading.stopped_portfolios(v_scope));
end
$$;
comment on function public.resume_trading is
  'Takes a trader, an account, a portfolio, a user (default: the caller) or everyone back to active, by hand and audited; ends the stop and flatten. Decisions still queued are denied. Refused while the cause stands unless p_force. Returns {scope, id, state, was, stop_id, stopped_portfolios: [{id, mode, state, reason}]}: the user''s portfolios that a loss limit or a person keeps from entering still, each resumed by its id. FB400 scope_invalid, reason_invalid; FB403 resume_by_hand, operators_only; FB404 trader_not_found, account_not_found, portfolio_not_found, user_not_found; FB409 cause_stands.';

revoke execute on function public.pause_trading, public.stop_trading, public.resume_trading from public, anon;
grant execute on function public.pause_trading, public.stop_trading, public.resume_trading to authenticated, service_role;

reset role;
