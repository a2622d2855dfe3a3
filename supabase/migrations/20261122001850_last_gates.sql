-- Purpose: the gates, taken shared as the last locks of a transaction that lets an entry leave or records what it bought.
-- Locks:   SHARE ROW EXCLUSIVE on orders and positions while a trigger is created.

set role fillbase_engine;

-- Deferred, so that the gates are held for the length of a commit and a halt waits for that, not for a batch of entries.
-- They hold for every writer, whichever command gave the permit. A transaction that lost the race leaves nothing behind.
create function trading.tg_orders__confirm_permit() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_state record;
begin
  perform trading.enter_gates(new.user_id, new.portfolio_id, new.account_id, case when not new.is_paper_trade then new.trader_id end);
  select * into v_state from trading.effective_state(new.user_id, new.portfolio_id, new.account_id, case when not new.is_paper_trade then new.trader_id end);
  -- A halt that was resumed in between has changed the epoch.
  if v_state.state <> 'active' or v_state.epoch <> new.state_epoch then
    perform trading.raise_error('FB423', 'trading_not_active', 'trading was paused or halted before the entry could leave',
      jsonb_build_object('order_id', new.id, 'state', v_state.state));
  end if;
  return null;
end
$$;
comment on function trading.tg_orders__confirm_permit is 'FB423 trading_not_active unless trading is still as active as when the entry got its permit. The last thing in its transaction.';
create constraint trigger orders_900_confirm_permit after insert on public.orders deferrable initially deferred
  for each row when (new.role = 'entry' and new.state <> 'planned')
  execute function trading.tg_orders__confirm_permit();
create constraint trigger orders_910_confirm_permit after update on public.orders deferrable initially deferred
  for each row when (new.role = 'entry' and new.state = 'submitting' and old.state = 'planned')
  execute function trading.tg_orders__confirm_permit();

-- A fill that is first is seen by the halt's job; one that is later sees the halt.
create function trading.tg_positions__flatten() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.enter_gates(new.user_id, new.portfolio_id, new.account_id, case when not new.is_paper_trade then new.trader_id end);
  if exists (select from trading.trading_states s where s.flatten and (s.scope, s.scope_id) in (
      ('system', trading.system_scope_id()), ('user', new.user_id),
      ('portfolio', new.portfolio_id), ('account', new.account_id), ('trader', case when not new.is_paper_trade then new.trader_id end))) then
    perform trading.enqueue_job('exit', concat_ws(':', 'flatten', new.id, new.version), new.portfolio_id, new.is_paper_trade, new.updated_at,
      p_position_id => new.id, p_payload => '{"reason": "trading_stopped"}');
  end if;
  return null;
end
$$;
comment on function trading.tg_positions__flatten is 'Queues the close of a position that a fill has opened or enlarged, if flatten stands over it. The last thing in its transaction.';
create constraint trigger positions_900_flatten after update on public.positions deferrable initially deferred
  for each row when (new.quantity > old.quantity) execute function trading.tg_positions__flatten();

reset role;
