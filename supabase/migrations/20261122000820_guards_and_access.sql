-- Purpose: guards that hold for every writer, and who may read positions, orders and trades.
-- Locks:   SHARE ROW EXCLUSIVE on traders while its trigger is created.

set role fillbase_engine;

-- Guards: a change that is not in the transition table is refused whoever writes it, and each change audits itself.
create function trading.tg_positions__guard_status() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_from text := case when tg_op = 'INSERT' then '' else old.status end;
begin
  if tg_op = 'UPDATE' then
    new.version := old.version + 1;
    if new.status = old.status then
      return new;
    end if;
  end if;
  -- The legal transition and its audit row in one statement: no row there, no change here.
  insert into public.audit_log (occurred_at, actor, action, user_id, trader_id, subject_type, subject_id, detail)
  select new.updated_at, trading.actor(), 'position_' || new.status, new.user_id, new.trader_id, 'position', new.id::text,
    jsonb_strip_nulls(jsonb_build_object('from', nullif(v_from, ''), 'symbol', new.symbol, 'quantity', trading.money_text(new.quantity),
      'realized_pnl', case when new.status = 'closed' then trading.money_text(new.realized_pnl) end,
      'exit_reason', new.exit_reason, 'failure_code', new.failure_code))
  from trading.position_transitions t where t.from_status = v_from and t.to_status = new.status;
  if not found then
    perform trading.raise_error('FB409', 'position_transition_illegal',
      format('a position may not go from "%s" to "%s"', v_from, new.status), jsonb_build_object('position_id', new.id));
  end if;
  -- Off by default: NOTIFY takes a lock that all commits of the database share.
  if (select t.notify_state_changes from trading.settings t) then
    perform pg_notify('position_state_change', jsonb_build_object('position_id', new.id, 'from', v_from, 'to', new.status)::text);
  end if;
  return new;
end
$$;
create trigger positions_100_guard_status before insert or update on public.positions
  for each row execute function trading.tg_positions__guard_status();

create function trading.tg_orders__guard_state() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_from text := case when tg_op = 'INSERT' then '' else old.state end;
begin
  if tg_op = 'UPDATE' then
    new.version := old.version + 1;
    if new.state = old.state then
      return new;
    end if;
  end if;
  insert into public.audit_log (occurred_at, actor, action, user_id, trader_id, subject_type, subject_id, detail)
  select new.updated_at, trading.actor(), 'order_' || new.state, new.user_id, new.trader_id, 'order', new.id::text,
    jsonb_strip_nulls(jsonb_build_object('from', nullif(v_from, ''), 'position_id', new.position_id, 'role', new.role,
      'client_order_id', new.client_order_id, 'quantity', trading.money_text(new.quantity),
      'filled_quantity', trading.money_text(new.filled_quantity), 'price', trading.money_text(new.price),
      'trigger_price', trading.money_text(new.trigger_price), 'reason', nullif(new.reason, ''), 'error_code', new.error_code))
  from trading.order_transitions t
  where t.from_status = v_from and t.to_status = new.state
    and (v_from <> '' or new.state <> 'working' or (new.is_paper_trade and new.role in ('stop_loss', 'take_profit')));
  if not found then
    perform trading.raise_error('FB409', 'order_transition_illegal',
      format('an order may not go from "%s" to "%s"', v_from, new.state), jsonb_build_object('order_id', new.id));
  end if;
  return new;
end
$$;
create trigger orders_100_guard_state before insert or update on public.orders
  for each row execute function trading.tg_orders__guard_state();

create function trading.tg_trades__audit() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.audit(new.recorded_at, 'fill_recorded', new.user_id, new.trader_id, 'trade', new.id::text,
    jsonb_build_object('order_id', new.order_id, 'position_id', new.position_id, 'side', new.side,
      'price', trading.money_text(new.price), 'quantity', trading.money_text(new.quantity),
      'fee', trading.money_text(new.fee), 'fee_asset', new.fee_asset, 'executed_at', new.executed_at));
  return null;
end
$$;
create trigger trades_500_audit after insert on public.trades
  for each row execute function trading.tg_trades__audit();

create function trading.tg_positions__refuse_removal() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.raise_error('FB403', 'history_kept', format('rows of %s are never removed', tg_table_name));
  return null;
end
$$;
create trigger positions_110_refuse_removal before delete on public.positions
  for each row execute function trading.tg_positions__refuse_removal();
create trigger orders_110_refuse_removal before delete on public.orders
  for each row execute function trading.tg_positions__refuse_removal();
create trigger trades_110_refuse_removal before delete on public.trades
  for each row execute function trading.tg_positions__refuse_removal();
create trigger positions_120_no_truncate before truncate on public.positions
  for each statement execute function trading.tg_positions__refuse_removal();
create trigger orders_120_no_truncate before truncate on public.orders
  for each statement execute function trading.tg_positions__refuse_removal();
create trigger trades_120_no_truncate before truncate on public.trades
  for each statement execute function trading.tg_positions__refuse_removal();

alter table trading.position_transitions enable row level security;
alter table trading.order_transitions enable row level security;
alter table public.positions enable row level security;
alter table public.orders enable row level security;
alter table public.trades enable row level security;
alter table trading.reservations enable row level security;
alter table trading.engine_stops enable row level security;
create policy position_transitions_select_service on trading.position_transitions for select to service_role using (true);
create policy order_transitions_select_service on trading.order_transitions for select to service_role using (true);
create policy positions_select_owner on public.positions for select to authenticated using (user_id = (select auth.uid()));
create policy orders_select_owner on public.orders for select to authenticated using (user_id = (select auth.uid()));
create policy trades_select_owner on public.trades for select to authenticated using (user_id = (select auth.uid()));
create policy reservations_select_service on trading.reservations for select to service_role using (true);
create policy engine_stops_select_service on trading.engine_stops for select to service_role using (true);
revoke all on trading.position_transitions, trading.order_transitions, public.positions, public.orders, public.trades,
  trading.reservations, trading.engine_stops from public, anon, authenticated, service_role;
grant select on public.positions, public.orders, public.trades to authenticated, service_role;
grant select on trading.position_transitions, trading.order_transitions, trading.reservations, trading.engine_stops to service_role;

reset role;

-- Created as postgres, who owns traders: deleting a trader must not orphan coins. Security definer, this one and the next:
-- whoever changes a trader need not be able to read positions, states and locks.
create function trading.tg_traders__refuse_with_open_positions() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if exists (select from public.positions p where p.trader_id = old.id and p.status not in ('closed', 'failed')) then
    perform trading.raise_error('FB409', 'trader_has_open_positions', 'a trader with open positions cannot be deleted',
      jsonb_build_object('trader_id', old.id), 'Close its positions first; its history is kept.');
  end if;
  return old;
end
$$;
alter function trading.tg_traders__refuse_with_open_positions() owner to fillbase_engine;
alter function trading.tg_traders__refuse_with_open_positions() security definer;
revoke execute on function trading.tg_traders__refuse_with_open_positions() from public;
create trigger traders_100_refuse_with_open_positions before delete on public.traders
  for each row execute function trading.tg_traders__refuse_with_open_positions();

-- A stop, a pause and a limit find a trader's money by its mode: while anything hangs on it, the mode stays.
create function trading.tg_traders__refuse_while_in_use() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_mode     text := case when old.paper_trade_mode then 'paper' else 'live' end;
  v_scope    text := case when old.paper_trade_mode then 'account' else 'trader' end;
  v_scope_id uuid := case when old.paper_trade_mode then trading.paper_account_id(old.id, old.user_id) else old.id end;
begin
  if old.user_id is null then
    return new;
  end if;
  -- An entry of before has committed its position, or reads the trader after this.
  perform trading.lock_portfolio(trading.portfolio_id(old.user_id, v_mode));
  if new.user_id is distinct from old.user_id and exists (
      select from public.positions p where p.trader_id = old.id and not p.is_paper_trade and p.status not in ('closed', 'failed')) then
    perform trading.raise_error('FB409', 'owner_has_open_positions', 'whose money is in open live positions stays their owner',
      jsonb_build_object('trader_id', old.id, 'user_id', old.user_id), 'Close the positions first, or stop the user with halt_and_flatten.');
  end if;
  if new.paper_trade_mode = old.paper_trade_mode then
    return new;
  end if;
  -- A stop that is being given has committed its state, or finds the trader in its new mode.
  perform pg_advisory_xact_lock_shared(trading.gate_key(v_scope, v_scope_id));
  if exists (select from public.positions p where p.trader_id = old.id and p.status not in ('closed', 'failed'))
    or exists (select from trading.trading_states s where s.scope = v_scope and s.scope_id = v_scope_id and s.state <> 'active') then
    perform trading.raise_error('FB409', 'mode_switch_refused', 'a trader with open positions or that is stopped keeps its mode',
      jsonb_build_object('trader_id', old.id, 'mode', v_mode), 'Close its positions and resume it first.');
  end if;
  return new;
end
$$;
alter function trading.tg_traders__refuse_while_in_use() owner to fillbase_engine;
revoke execute on function trading.tg_traders__refuse_while_in_use() from public;
comment on function trading.tg_traders__refuse_while_in_use is
  'FB409 mode_switch_refused while a position of the trader is not over or its own trading state is not active; FB409 owner_has_open_positions where a live position would lose its owner, also by the removal of the user.';
create trigger traders_110_refuse_while_in_use before update of paper_trade_mode, user_id on public.traders
  for each row when (old.paper_trade_mode is distinct from new.paper_trade_mode or old.user_id is distinct from new.user_id)
  execute function trading.tg_traders__refuse_while_in_use();
