-- Purpose: the one command that takes trading away from active.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.state_strictness(p_state text) returns int
language sql immutable parallel safe
return case p_state when 'active' then 0 when 'reducing' then 1 when 'halted' then 2 end;
comment on function trading.state_strictness is 'Orders the trading states: a stricter one forbids more.';

create function trading.close_gate(p_scope text, p_scope_id uuid) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(trading.gate_key(p_scope, p_scope_id));
end
$$;
comment on function trading.close_gate is 'Takes the gate of a scope exclusively until the end of the transaction: no permit is given meanwhile.';

-- The gate is taken exclusively, so this waits for the commits that hold it shared and for nothing else; what it writes is
-- one row. A transaction that sets several states takes them in the order of the gates (system, users, portfolios, accounts, traders,
-- each by id). What follows from it is the work of a later transaction, queued here.
create function trading.set_trading_state(
  p_scope text, p_scope_id uuid, p_state text, p_flatten boolean, p_reason text, p_by text, p_now timestamptz
) returns trading.trading_states
language plpgsql volatile set search_path = ''
as $$
declare
  v_state trading.trading_states;
begin
  if (p_state in ('reducing', 'halted')) is not true then
    perform trading.raise_error('FB400', 'state_invalid', 'trading is set to reducing or halted; it is resumed by a command of its own',
      jsonb_build_object('state', p_state));
  end if;
  perform trading.close_gate(p_scope, p_scope_id);
  insert into trading.trading_states as s (scope, scope_id, state, epoch, flatten, reason, set_by, set_at)
  values (p_scope, p_scope_id, p_state, 1, p_flatten, p_reason, p_by, p_now)
  on conflict (scope, scope_id) do update set
    state = case when trading.state_strictness(excluded.state) > trading.state_strictness(s.state) then excluded.state else s.state end,
    flatten = s.flatten or excluded.flatten, epoch = s.epoch + 1, reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at
    where trading.state_strictness(excluded.state) > trading.state_strictness(s.state) or (excluded.flatten and not s.flatten)
  returning * into v_state;
  if not found then
    select * into v_state from trading.trading_states s where s.scope = p_scope and s.scope_id = p_scope_id;
    return v_state;
  end if;
  perform trading.audit(p_now, 'trading_' || v_state.state,
    case p_scope when 'user' then p_scope_id when 'portfolio' then (select f.user_id from trading.portfolios f where f.id = p_scope_id)
      when 'account' then (select a.user_id from trading.accounts a where a.id = p_scope_id)
      when 'trader' then (select t.user_id from public.traders t where t.id = p_scope_id) end,
    null, p_scope, p_scope_id::text,
    jsonb_build_object('by', p_by, 'reason', p_reason, 'epoch', v_state.epoch, 'flatten', v_state.flatten));
  perform trading.enqueue_job('halt', concat_ws(':', 'halt', p_scope, p_scope_id, v_state.epoch), null, true, p_now,
    p_payload => jsonb_build_object('scope', p_scope, 'scope_id', p_scope_id, 'epoch', v_state.epoch));
  return v_state;
end
$$;
comment on function trading.set_trading_state is
  'Puts a scope (system, user, portfolio, account, live trader) to reducing or halted, with or without flatten: one commit that raises the epoch and queues what follows from it. Never weakens: what already stands as strictly stays as it is. FB400 state_invalid.';

reset role;
