-- Purpose: what a report means for the position and its signal: opening, closing, failing.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.set_signal_status(
  p_signal_id uuid, p_status text, p_code text, p_reason text, p_now timestamptz
) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_signal public.signals;
  v_from   text;
begin
  select s.status into v_from from public.signals s where s.id = p_signal_id;
  update public.signals s set status = p_status, rejection_code = p_code, rejection_reason = p_reason, updated_at = p_now,
    closed_at = case when p_status in ('completed', 'expired', 'rejected') then p_now end
  where s.id = p_signal_id
  returning * into v_signal;
  if found then
    perform trading.audit(p_now, 'signal_' || p_status, (select t.user_id from public.traders t where t.id = v_signal.trader_id),
      v_signal.trader_id, 'signal', p_signal_id::text, jsonb_strip_nulls(jsonb_build_object('from', v_from, 'code', p_code, 'reason', p_reason)));
  end if;
end
$$;
comment on function trading.set_signal_status is 'Moves a signal on the engine''s behalf, with the code and words of a rejection, and audits it.';

create function trading.refresh_paper_balance(p_account_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.paper_balances pb set current_balance = b.amount, updated_at = p_now
  from trading.balances b
  where pb.account_id = p_account_id and b.account_id = p_account_id and b.asset = 'USDT' and b.bucket = 'cash'
    and pb.current_balance <> b.amount;
end
$$;
comment on function trading.refresh_paper_balance is 'Copies the ledger''s cash to the paper balance users see.';

-- Nothing sellable is left: value the dust at the last exit fill, book it to the pool and close. What was never sold at all
-- is worth what the market would give for it, if it took so little.
create function trading.close_position_row(p_position public.positions, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_dust  numeric := p_position.quantity;
  v_last  numeric;
  v_value numeric := 0;
  v_base  text;
  v_total numeric;
begin
  if v_dust > 0 then
    v_last := coalesce(
      (select t.price from public.trades t where t.position_id = p_position.id and t.side = 'SELL'
       order by t.executed_at desc, t.sequence desc limit 1),
      (select m.bid from public.market_prices m where m.symbol = p_position.symbol),
      p_position.entry_price);
    select i.base_asset into v_base from public.instruments i where i.symbol = p_position.symbol;
    v_value := v_dust * v_last;
    insert into trading.dust_pools as d (account_id, asset, quantity, cost) values (p_position.account_id, v_base, v_dust, v_value)
    on conflict (account_id, asset) do update set quantity = d.quantity + excluded.quantity, cost = d.cost + excluded.cost;
    insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
    select trading.derived_id('dust', p_position.id::text, p_position.version::text), p_position.account_id, v_base, e.bucket, e.amount,
      'dust', p_position.id, p_now
    from (values ('position', -v_dust), ('dust', v_dust)) as e (bucket, amount);
  end if;
  v_total := p_position.realized_pnl + v_value - p_position.cost;
  update public.positions p set status = 'closed', quantity = 0, cost = 0, realized_pnl = v_total,
    -- A paper account counts what was closed since its reset: this was, also where the clock was set back in between.
    closed_at = greatest(p_now, (select b.reset_at from public.paper_balances b where b.account_id = p_position.account_id)),
    realized_pnl_percent = trading.divide_half_even(v_total * 100, p.entry_cost, 8),
    dust_quantity = p.dust_quantity + v_dust, dust_value = p.dust_value + v_value, exit_time = coalesce(p.exit_time, p_now), updated_at = p_now
  where p.id = p_position.id;
  update public.paper_balances b set total_pnl = b.total_pnl + v_total, total_trades = b.total_trades + 1,
    winning_trades = b.winning_trades + (v_total > 0)::int, losing_trades = b.losing_trades + (v_total < 0)::int, updated_at = p_now
  where b.account_id = p_position.account_id;
  perform trading.end_protection(p_position.id, 'position_closed', p_now);
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.code in ('exit_failed', 'position_unguarded', 'sell_refused_for_funds', 'venue_stop_refused') and a.subject_id = p_position.id::text and a.resolved_at is null;
  perform trading.note_closed_position(p_position, v_total, p_now);
  update public.workflow_schedules w set is_active = false where w.entity_id = p_position.id and w.workflow_type = 'position_management';
  if p_position.signal_id is not null then
    perform trading.set_signal_status(p_position.signal_id, 'completed', null, null, p_now);
  end if;
end
$$;
comment on function trading.close_position_row is 'Closes a position in state closing, dust included, and everything that hung on it.';

create function trading.is_unsellable(p_position public.positions) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select trading.floor_to_step(p_position.quantity, i.lot_step) < greatest(i.lot_min, i.lot_step)
        or trading.floor_to_step(p_position.quantity, i.lot_step) * coalesce(m.bid, p_position.entry_price) < i.notional_min
    from public.instruments i left join public.market_prices m on m.symbol = i.symbol
    where i.symbol = p_position.symbol
  );
end
$$;
comment on function trading.is_unsellable is 'Whether what a position holds is below the exchange''s lot or notional minimum.';

create function trading.begin_closing(p_position_id uuid, p_reason text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.positions p set status = 'closing', status_before_closing = p.status, exit_reason = p_reason, updated_at = p_now
  where p.id = p_position_id and p.status in ('open', 'monitoring');
end
$$;
comment on function trading.begin_closing is 'Moves an open position to closing and remembers where to return if the exit does not finish.';

create function trading.greet_position(p_position public.positions, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.schedule_management(p_position);
  if p_position.signal_id is not null then
    perform trading.set_signal_status(p_position.signal_id, 'in_position', null, null, p_now);
  end if;
end
$$;
comment on function trading.greet_position is 'What follows a position''s first fill: its management schedule and its signal''s status.';

-- While the sale of the whole goes on at an exchange, a stop armed anew would queue another one at each price.
create function trading.rearm_stop(p_position public.positions) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.engine_stops s set fired_at = null
  where s.position_id = p_position.id and s.fired_at is not null and (p_position.is_paper_trade or not exists (
    select from trading.jobs j where j.position_id = p_position.id and j.kind = 'exit' and j.status in ('queued', 'running') and not j.payload ? 'quantity'));
end
$$;
comment on function trading.rearm_stop is 'Arms an engine stop that has fired, so that the next price fires it anew.';

-- What an entry's report means for its position.
create function trading.settle_entry(p_order public.orders, p_fills trading.fill_sums, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
  v_is_final boolean := p_order.finished_at is not null;
  v_is_again boolean := trading.may_enter_again(p_order, p_now);
begin
  select * into v_position from public.positions where id = p_order.position_id;
  if p_fills.is_opening then
    perform trading.greet_position(v_position, p_now);
  end if;
  if p_fills.fill_count > 0 or (v_is_final and p_order.filled_quantity > 0 and v_position.status in ('open', 'monitoring')) then
    -- The end of the entry decides it, whether its last fill comes with it or came long before.
    if v_is_final and trading.is_unsellable(v_position) then
      perform trading.begin_closing(v_position.id, 'dust', p_now);
      select * into v_position from public.positions where id = v_position.id;
      perform trading.close_position_row(v_position, p_now);
    elsif p_fills.fill_count > 0 then
      -- A stop that fired before has sold what was known then.
      if not v_position.is_paper_trade then
        perform trading.rearm_stop(v_position);
      end if;
      perform trading.sync_protection(v_position, p_now);
      perform trading.catch_up_protection(v_position, p_now);
    end if;
  elsif v_is_final and p_order.filled_quantity = 0 and v_position.status in ('created', 'submitting') then
    perform trading.fail_entry(v_position.id, case when v_is_again then 'entry_not_sent' else case p_order.state when 'rejected' then 'entry_rejected' when 'denied' then coalesce(p_order.error_code, 'entry_denied')
      when 'not_placed' then 'entry_not_placed' when 'not_sent' then 'entry_not_sent'
      else case p_order.reason when 'decision_withdrawn' then p_order.reason else 'entry_unfilled' end end end,
      coalesce(p_order.error_message, nullif(p_order.reason, ''), 'the entry order ended without a fill'), v_is_again, p_now);
  end if;
end
$$;
comment on function trading.settle_entry is 'After an entry''s report: open and protect on fills, fail when it ended without one, close at once what could never be sold.';

create function trading.fail_entry(p_position_id uuid, p_code text, p_reason text, p_is_tried_again boolean, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
begin
  update public.positions p set status = 'failed', failure_code = p_code, failure_reason = p_reason, closed_at = p_now, updated_at = p_now
  where p.id = p_position_id
  returning * into v_position;
  if v_position.signal_id is not null and not p_is_tried_again then
    perform trading.set_signal_status(v_position.signal_id, 'rejected', p_code, p_reason, p_now);
  end if;
end
$$;
comment on function trading.fail_entry is 'Ends a position that never held anything, and rejects its signal with the same code and words, unless its decision is tried again.';

-- What an exit's report means for its position. Coins that are left keep it alive, protected, and the exit is tried again.
create function trading.settle_exit(p_order public.orders, p_fill_count int, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
begin
  select * into v_position from public.positions where id = p_order.position_id;
  if v_position.status in ('closed', 'failed', 'created', 'submitting') then
    return;
  end if;
  -- A rest too small to be sold is dust once its order is over at the exchange: of one that was executed but for a lot step,
  -- that step may follow. What another order has sold by its own word is no rest.
  if (p_fill_count > 0 or (p_order.finished_at is not null and p_order.filled_quantity > 0))
    and (v_position.quantity = 0
      or (trading.is_unsellable(v_position) and (p_order.is_paper_trade or (p_order.finished_at is not null and trading.unshown_quantity(v_position.id) = 0))))
    and not exists (select from public.orders o where o.position_id = v_position.id and o.role = 'entry' and o.finished_at is null) then
    perform trading.begin_closing(v_position.id, coalesce(nullif(p_order.reason, ''), p_order.role), p_now);
    select * into v_position from public.positions where id = v_position.id;
    perform trading.close_position_row(v_position, p_now);
    return;
  end if;
  -- One that was refused in the place of another leaves that one standing. One whose fills are not shown yet guards no more.
  if p_order.role = 'stop_loss' and not p_order.is_paper_trade and (p_order.finished_at is not null or trading.is_over_at_venue(p_order.id))
    and (trading.resting_guard(v_position.id)).role is distinct from 'stop_loss' then
    perform trading.note_naked(v_position.id, 'stop_ended', trading.ended_at(p_order, p_now));
  end if;
  -- The stop that a sale replaces ends before the sale does: whoever is selling is not done.
  if p_order.finished_at is not null and v_position.status = 'closing' and not exists (
    select from public.orders o where o.position_id = v_position.id and o.role = 'exit' and o.finished_at is null) then
    update public.positions p set status = p.status_before_closing, status_before_closing = null, exit_reason = null, updated_at = p_now
    where p.id = v_position.id returning * into v_position;
  end if;
  if v_position.status <> 'closing' then
    perform trading.rearm_stop(v_position);
    perform trading.sync_protection(v_position, p_now);
  end if;
end
$$;
comment on function trading.settle_exit is 'After an exit''s report: close when nothing sellable is left, else back to the state before, stop re-armed.';

create function trading.fold_report(p_order_id uuid, p_report jsonb, p_now timestamptz) returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
  v_fills trading.fill_sums;
begin
  select * into v_order from public.orders where id = p_order_id;
  v_fills := trading.fold_fills(v_order, p_report -> 'fills', p_now);
  v_order := trading.apply_order_report(v_order, p_report, v_fills, p_now);
  if v_order.role = 'entry' then
    perform trading.settle_entry(v_order, v_fills, p_now);
  else
    perform trading.settle_exit(v_order, v_fills.fill_count, p_now);
  end if;
  if v_order.is_paper_trade and v_fills.fill_count > 0 then
    perform trading.refresh_paper_balance(v_order.account_id, p_now);
  end if;
  return v_order;
end
$$;
comment on function trading.fold_report is 'Folds a venue''s report into order, trades, ledger, position, protection and signal. The caller holds the locks.';

reset role;
