-- Purpose: who may stop and resume what.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Only the project itself writes app_metadata and trading.operators; a user can change neither.
create function public.is_operator() returns boolean
language plpgsql stable security definer set search_path = ''
as $$
begin
  return coalesce((select auth.jwt()) @> '{"app_metadata": {"fillbase_operator": true}}', false)
    or exists (select from trading.operators o where o.user_id = (select auth.uid()));
end
$$;
comment on function public.is_operator is
  'Whether the caller may act for everybody: a row in trading.operators, or {"fillbase_operator": true} in the app_metadata of the token.';
grant execute on function public.is_operator to authenticated, service_role;

-- A session without claims did not come over the API: it is a database login that is a member of the engine's role.
create function trading.is_database_owner() returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((select auth.role()), '') = '' and pg_has_role(session_user, 'fillbase_engine', 'member');
end
$$;
comment on function trading.is_database_owner is 'Whether the caller is the database owner''s own session, as in an emergency without the API.';

create function trading.caller_name() returns text
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce('user:' || (select auth.uid())::text, nullif((select auth.role()), ''), 'database:' || session_user);
end
$$;
comment on function trading.caller_name is 'Who is calling, for rows that outlive the call: user:<id>, service_role or database:<login>.';

create type trading.stop_scope as (scope text, scope_id uuid, state_scope text, state_scope_id uuid, user_id uuid, trader_id uuid,
  is_for_another boolean);
comment on type trading.stop_scope is
  'What a stop is about: trader, exchange account, portfolio, user or everyone, the trading state that carries it, its owner (null: everyone), and whether somebody else than the owner calls.';

-- The right is judged with the scope, so that no command can forget it. What is not there and what is not yours answer alike.
create function trading.require_stop_scope(p_scope text, p_id uuid) returns trading.stop_scope
language plpgsql stable set search_path = ''
as $$
declare
  v_caller  uuid := (select auth.uid());
  v_for_all boolean := public.is_operator() or (select auth.role()) is not distinct from 'service_role' or trading.is_database_owner();
  v_scope   trading.stop_scope;
  v_is_paper boolean;
begin
  v_scope.scope := p_scope;
  case p_scope
    when 'everyone' then
      v_scope.scope_id := trading.system_scope_id();
    when 'user' then
      v_scope.scope_id := coalesce(p_id, v_caller);
      v_scope.user_id := v_scope.scope_id;
    when 'trader' then
      v_scope.scope_id := p_id;
      v_scope.trader_id := p_id;
      v_scope.user_id := (select t.user_id from public.traders t where t.id = p_id);
    when 'portfolio' then
      v_scope.scope_id := p_id;
      v_scope.user_id := (select f.user_id from trading.portfolios f where f.id = p_id);
    when 'account' then
      v_scope.scope_id := p_id;
      v_scope.user_id := (select a.user_id from trading.accounts a where a.id = p_id and a.environment <> 'paper');
    else
      perform trading.raise_error('FB400', 'scope_invalid', 'the scope is trader, account, portfolio, user or everyone', jsonb_build_object('scope', left(p_scope, 40)));
  end case;
  if v_scope.scope_id is null or (p_scope = 'everyone' and p_id is not null) then
    perform trading.raise_error('FB400', 'scope_invalid', 'a trader, account, portfolio or user is named by its id, everyone by none');
  end if;
  if p_scope = 'everyone' and not v_for_all then
    perform trading.raise_error('FB403', 'operators_only', 'only operators act for everyone');
  end if;
  if p_scope <> 'everyone' and (v_scope.user_id = v_caller or (v_for_all and (
      exists (select from public.traders t where t.user_id = v_scope.user_id)
      or exists (select from trading.trading_states s where s.scope = 'user' and s.scope_id = v_scope.user_id)
      or (p_scope in ('account', 'portfolio') and v_scope.user_id is not null)))) is not true then
    perform trading.raise_error('FB404', p_scope || '_not_found', format('there is no such %s', p_scope), jsonb_build_object('id', v_scope.scope_id));
  end if;
  v_scope.is_for_another := v_scope.user_id is distinct from v_caller;
  -- A paper trader is alone on its account; live traders share theirs.
  v_is_paper := p_scope = 'trader' and (select t.paper_trade_mode from public.traders t where t.id = p_id);
  v_scope.state_scope := case when p_scope = 'everyone' then 'system' when v_is_paper then 'account' else p_scope end;
  v_scope.state_scope_id := case when v_is_paper then trading.paper_account_id(p_id, v_scope.user_id) else v_scope.scope_id end;
  return v_scope;
end
$$;
comment on function trading.require_stop_scope is
  'The scope a stop, pause or resume is about, if the caller may act on it: owners on their own, operators, the service role and the database owner on all. FB400 scope_invalid, FB403 operators_only, FB404 trader_not_found, account_not_found, portfolio_not_found, user_not_found.';

create function trading.require_reason(p_reason text) returns text
language plpgsql immutable set search_path = ''
as $$
declare
  v_reason text := btrim(p_reason, E' \t\r\n');
begin
  if coalesce(v_reason, '') = '' or length(v_reason) > 500 then
    perform trading.raise_error('FB400', 'reason_invalid', 'say why, in 1 to 500 characters');
  end if;
  return v_reason;
end
$$;
comment on function trading.require_reason is 'The trimmed reason; FB400 reason_invalid when it is missing or longer than 500 characters.';

reset role;
