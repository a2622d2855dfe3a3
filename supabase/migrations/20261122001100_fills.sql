-- Purpose: one fill's way into trades, ledger and position: the accounting.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.client_order_id(p_order_id uuid) returns text
language plpgsql stable strict set search_path = ''
as $$
begin
  return (
    select s.installation_tag || '-' || left(replace(p_order_id::text, '-', ''), 28) from trading.settings s
  );
end
$$;
comment on function trading.client_order_id is 'Our id of an order at the venue: the installation''s tag and a hash; never reused.';

create function trading.is_tagged(p_client_order_id text) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(starts_with(p_client_order_id, (select s.installation_tag || '-' from trading.settings s)), false);
end
$$;
comment on function trading.is_tagged is 'Whether an order''s client id begins with this installation''s tag.';

-- A request that was delivered twice makes two orders of one id of ours: the row stands for the one that it was told of first.
create function trading.our_order(p_account_id uuid, p_client_order_id text, p_exchange_order_id text) returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  return (select o.id from public.orders o where o.client_order_id = p_client_order_id and o.account_id = p_account_id
    and coalesce(o.binance_order_id = p_exchange_order_id, true));
end
$$;
comment on function trading.our_order is 'The order of an account with this client order id, unless its row stands for another order of the exchange; null: not ours.';

-- One ledger transaction per fill (accounting: docs/architecture.md). Bucket external stands for a fee asset held outside of what we manage.
create function trading.post_fill(
  p_trade public.trades, p_base text, p_quote text
) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
  select p_trade.id, p_trade.account_id, e.asset, e.bucket, sum(e.amount), 'trade', p_trade.id, p_trade.executed_at
  from (
    select p_quote, 'cash', case p_trade.side when 'BUY' then -p_trade.value else p_trade.value end
    union all select p_quote, 'market', case p_trade.side when 'BUY' then p_trade.value else -p_trade.value end
    union all select p_base, 'position', case p_trade.side when 'BUY' then p_trade.quantity else -p_trade.quantity end
    union all select p_base, 'market', case p_trade.side when 'BUY' then -p_trade.quantity else p_trade.quantity end
    union all select p_trade.fee_asset, 'fees', p_trade.fee
    union all select p_trade.fee_asset,
      case p_trade.fee_asset when p_quote then 'cash' when p_base then 'position' else 'external' end, p_trade.fee_outside - p_trade.fee
    union all select p_trade.fee_asset, 'external', -p_trade.fee_outside
  ) as e (asset, bucket, amount)
  group by e.asset, e.bucket
  having sum(e.amount) <> 0;
end
$$;
comment on function trading.post_fill is 'Posts a trade to the ledger: value, quantity and fee, each with its other side.';

-- Inserts one reported fill. The same exchange trade again is nothing new; with other content it is an error, never a skip.
create function trading.insert_trade(
  p_order public.orders, p_fill jsonb, p_realized numeric, p_fee_quote numeric, p_now timestamptz, p_fee_outside numeric default 0
) returns public.trades
language plpgsql volatile set search_path = ''
as $$
declare
  v_trade public.trades;
  v_known public.trades;
  v_value numeric := coalesce((p_fill ->> 'value')::numeric, (p_fill ->> 'price')::numeric * (p_fill ->> 'quantity')::numeric);
begin
  insert into public.trades (id, user_id, trader_id, position_id, order_id, portfolio_id, account_id, symbol, side, binance_trade_id,
    price, quantity, value, fee, fee_asset, fee_quote, fee_outside, is_maker, realized_pnl, quote_hash, is_paper_trade, executed_at, recorded_at)
  values (trading.derived_id('trade', p_order.id::text, p_fill ->> 'trade_id'), p_order.user_id, p_order.trader_id, p_order.position_id,
    p_order.id, p_order.portfolio_id, p_order.account_id, p_order.symbol, p_order.side, p_fill ->> 'trade_id',
    (p_fill ->> 'price')::numeric, (p_fill ->> 'quantity')::numeric, v_value, (p_fill ->> 'fee')::numeric, p_fill ->> 'fee_asset',
    p_fee_quote, p_fee_outside, coalesce((p_fill ->> 'is_maker')::boolean, false), p_realized, p_fill ->> 'quote_hash', p_order.is_paper_trade,
    (p_fill ->> 'executed_at')::timestamptz, p_now)
  on conflict on constraint trades_exchange_trade_unique do nothing
  returning * into v_trade;
  if v_trade.id is not null then
    return v_trade;
  end if;
  select * into v_known from public.trades t
  where t.account_id = p_order.account_id and t.symbol = p_order.symbol and t.order_id = p_order.id
    and t.binance_trade_id = p_fill ->> 'trade_id';
  if (v_known.price, v_known.quantity, v_known.value, v_known.fee, v_known.fee_asset) is distinct from
     ((p_fill ->> 'price')::numeric, (p_fill ->> 'quantity')::numeric, v_value, (p_fill ->> 'fee')::numeric, p_fill ->> 'fee_asset') then
    perform trading.raise_error('FB409', 'fill_conflict', 'this exchange trade was recorded before with other content',
      jsonb_build_object('order_id', p_order.id, 'trade_id', p_fill ->> 'trade_id', 'recorded', to_jsonb(v_known), 'reported', p_fill),
      'Compare with the exchange before going on; nothing was changed.');
  end if;
  return null;
end
$$;
comment on function trading.insert_trade is 'Records a fill once and returns it; null when it was known; FB409 fill_conflict when its content differs.';

-- The accounting of one fill on a position held in memory. A base fee makes the quantity smaller, it is not a cost. A sell's
-- takes what the position holds beyond that sell and beyond what others have sold unseen (p_unshown); where that is not enough
-- (BNB sold with fees in BNB), the exchange took the owner's own coins, at a cost like that of a fee in a third asset.
create function trading.account_fill(
  inout p_position public.positions, p_order public.orders, p_fill jsonb, p_base text, p_quote text, p_unshown numeric default 0,
  out realized numeric, out fee_quote numeric, out fee_outside numeric
)
language plpgsql immutable set search_path = ''
as $$
declare
  v_price   numeric := (p_fill ->> 'price')::numeric;
  v_q       numeric := (p_fill ->> 'quantity')::numeric;
  v_value   numeric := coalesce((p_fill ->> 'value')::numeric, (p_fill ->> 'price')::numeric * (p_fill ->> 'quantity')::numeric);
  v_fee     numeric := (p_fill ->> 'fee')::numeric;
  v_base_fee numeric := case when p_fill ->> 'fee_asset' = p_base then (p_fill ->> 'fee')::numeric else 0 end;
  v_other   numeric;   -- the fee in quote where it was not taken in base; null: no rate
  v_gone    numeric;
  v_cost    numeric;
begin
  v_other := case p_fill ->> 'fee_asset' when p_base then 0 when p_quote then v_fee
             else v_fee * (p_fill ->> 'fee_rate')::numeric end;
  if v_other is null then
    p_position.is_pnl_provisional := true;
  end if;
  fee_outside := case p_order.side when 'SELL'
    then greatest(v_base_fee - greatest(p_position.quantity - greatest(p_order.quantity - p_order.filled_quantity, v_q) - p_unshown, 0), 0) else 0 end;
  fee_quote := case when p_fill ->> 'fee_asset' = p_base then v_base_fee * v_price else v_other end;
  v_other := coalesce(v_other, 0) + fee_outside * v_price;
  realized := 0;
  p_position.fees_paid := p_position.fees_paid + coalesce(fee_quote, 0);
  if p_order.side = 'BUY' then
    p_position.quantity := p_position.quantity + v_q - v_base_fee;
    p_position.cost := p_position.cost + v_value + v_other;
    p_position.entry_cost := p_position.entry_cost + v_value + v_other;
    p_position.entry_quantity := p_position.entry_quantity + v_q;
    p_position.entry_value := p_position.entry_value + v_value;
    p_position.entry_price := trading.divide_half_even(p_position.entry_value, p_position.entry_quantity);
    p_position.entry_time := coalesce(p_position.entry_time, (p_fill ->> 'executed_at')::timestamptz);
    return;
  end if;
  v_gone := v_q + v_base_fee - fee_outside;
  if v_gone > p_position.quantity then
    perform trading.raise_error('FB500', 'oversold', 'a fill sells more than the position holds',
      jsonb_build_object('position_id', p_position.id, 'holds', p_position.quantity, 'sold', v_gone, 'fill', p_fill));
  end if;
  v_cost := case when v_gone = p_position.quantity then p_position.cost
            else trading.divide_half_even(p_position.cost * v_gone, p_position.quantity) end;
  realized := v_value - v_other - v_cost;
  p_position.quantity := p_position.quantity - v_gone;
  p_position.cost := p_position.cost - v_cost;
  p_position.realized_pnl := p_position.realized_pnl + realized;
  p_position.exit_quantity := p_position.exit_quantity + v_q;
  p_position.exit_value := p_position.exit_value + v_value;
  p_position.exit_price := trading.divide_half_even(p_position.exit_value, p_position.exit_quantity);
  p_position.exit_time := (p_fill ->> 'executed_at')::timestamptz;
end
$$;
comment on function trading.account_fill is
  'Position after a fill, what the fill realized, its fee in quote (null without a rate), and what of a fee in base came from outside of the position. FB500 oversold.';

create function trading.schedule_management(p_position public.positions) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.workflow_schedules w set is_active = true
  where w.entity_id = p_position.id and w.workflow_type = 'position_management';
  if found then
    return;
  end if;
  insert into public.workflow_schedules (workflow_type, entity_id, trader_id, symbol, interval)
  select 'position_management', p_position.id, p_position.trader_id, p_position.symbol, coalesce(t.execution_interval, '5m')
  from public.traders t where t.id = p_position.trader_id;
end
$$;
comment on function trading.schedule_management is 'Makes or wakes the position''s row for the AI''s management at candle closes.';

-- A fill for a position believed over: its coins are real, so it is open again, whoever was wrong about it.
create function trading.reopen_position(p_position public.positions, p_now timestamptz) returns public.positions
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
begin
  update public.positions p set status = 'open', closed_at = null, opened_at = coalesce(p.opened_at, p_now), failure_code = null,
    failure_reason = null, exit_reason = null, updated_at = p_now,
    -- Its signal may have been entered again meanwhile and holds one position at most.
    signal_id = case when exists (select from public.positions o where o.signal_id = p.signal_id and o.id <> p.id and o.status <> 'failed')
      then null else p.signal_id end
  where p.id = p_position.id
  returning * into v_position;
  if p_position.status = 'closed' then
    update public.paper_balances b set total_pnl = b.total_pnl - p_position.realized_pnl, total_trades = b.total_trades - 1,
      winning_trades = b.winning_trades - (p_position.realized_pnl > 0)::int,
      losing_trades = b.losing_trades - (p_position.realized_pnl < 0)::int, updated_at = p_now
    where b.account_id = p_position.account_id;
  end if;
  perform trading.schedule_management(v_position);
  if v_position.signal_id is not null then
    perform trading.set_signal_status(v_position.signal_id, 'in_position', null, null, p_now);
  end if;
  perform trading.raise_alert(p_now, 'critical', 'position_reopened', v_position.user_id, 'position', v_position.id::text,
    format('A fill arrived for the %s position in %s: it is open again.', p_position.status, v_position.symbol));
  return v_position;
end
$$;
comment on function trading.reopen_position is 'Takes a closed or failed position back to open on a late fill, undoes its closing in the paper balance, and raises a critical alert.';

create type trading.fill_sums as (quantity numeric, value numeric, fees numeric, fill_count int, is_opening boolean);
comment on type trading.fill_sums is 'What the fills new in one report add up to: base quantity, quote value, fees in quote, how many, and whether they opened the position.';

create function trading.fold_fills(p_order public.orders, p_fills jsonb, p_now timestamptz) returns trading.fill_sums
language plpgsql volatile set search_path = ''
as $$
declare
  v_position   public.positions;
  v_instrument public.instruments;
  v_fill       jsonb;
  v_after      record;
  v_trade      public.trades;
  v_sums       trading.fill_sums := row(0, 0, 0, 0, false);
  v_unshown    numeric := 0;
begin
  if jsonb_array_length(coalesce(p_fills, '[]')) = 0 then
    return v_sums;
  end if;
  select * into v_position from public.positions where id = p_order.position_id;
  if v_position.status in ('closed', 'failed') and exists (
    select from jsonb_array_elements(p_fills) e where not exists (
      select from public.trades t where t.order_id = p_order.id and t.binance_trade_id = e ->> 'trade_id')) then
    v_position := trading.reopen_position(v_position, p_now);
  end if;
  select * into v_instrument from public.instruments where symbol = p_order.symbol;
  if p_order.side = 'SELL' and not p_order.is_paper_trade then
    v_unshown := trading.unshown_quantity(p_order.position_id, p_order.id);
  end if;
  for v_fill in select e.f from jsonb_array_elements(p_fills) with ordinality as e (f, n) order by e.n loop
    if exists (select from public.trades t where t.order_id = p_order.id and t.binance_trade_id = v_fill ->> 'trade_id') then
      perform trading.insert_trade(p_order, v_fill, 0, 0, p_now);
      continue;
    end if;
    v_after := trading.account_fill(v_position, p_order, v_fill, v_instrument.base_asset, v_instrument.quote_asset, v_unshown);
    v_trade := trading.insert_trade(p_order, v_fill, v_after.realized, v_after.fee_quote, p_now, v_after.fee_outside);
    perform trading.post_fill(v_trade, v_instrument.base_asset, v_instrument.quote_asset);
    perform trading.cover_fee(v_trade, v_instrument.base_asset, v_instrument.quote_asset, p_now);
    v_position := v_after.p_position;
    p_order.filled_quantity := p_order.filled_quantity + v_trade.quantity;
    v_sums.quantity := v_sums.quantity + v_trade.quantity;
    v_sums.value := v_sums.value + v_trade.value;
    v_sums.fees := v_sums.fees + coalesce(v_trade.fee_quote, 0);
    v_sums.fill_count := v_sums.fill_count + 1;
  end loop;
  if v_sums.fill_count > 0 then
    v_sums.is_opening := v_position.status = 'submitting';
    update public.positions p set quantity = v_position.quantity, cost = v_position.cost, entry_cost = v_position.entry_cost,
      entry_price = v_position.entry_price, entry_quantity = v_position.entry_quantity, entry_value = v_position.entry_value,
      entry_time = v_position.entry_time, exit_price = v_position.exit_price, exit_quantity = v_position.exit_quantity,
      exit_value = v_position.exit_value, exit_time = v_position.exit_time, fees_paid = v_position.fees_paid,
      realized_pnl = v_position.realized_pnl, is_pnl_provisional = v_position.is_pnl_provisional, updated_at = p_now,
      status = case when v_sums.is_opening then 'open' else p.status end, opened_at = coalesce(p.opened_at, p_now),
      max_loss_usdt = greatest(v_position.cost - v_position.quantity * p.stop_loss_price
        * (1 - (select s.paper_taker_fee from trading.settings s)), 0)
    where p.id = v_position.id;
  end if;
  return v_sums;
end
$$;
comment on function trading.fold_fills is 'Records the fills not yet known, posts them, and updates the position''s numbers; returns the sums of what was new.';

create function trading.release_reservation(p_order_id uuid, p_filled numeric, p_is_final boolean, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.reservations r set
    amount = case when p_is_final then 0 else greatest(r.amount - p_filled * r.per_unit, 0) end,
    released_at = case when p_is_final then p_now end
  where r.order_id = p_order_id and (p_is_final or p_filled > 0);
end
$$;
comment on function trading.release_reservation is 'Gives back a fill''s share at the reserved price; the rest when the order is final.';

reset role;
