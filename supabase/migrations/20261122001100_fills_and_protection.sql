-- Purpose: folding what a venue reports into orders, ledger, positions, protection and signals.
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

-- One ledger transaction per fill (accounting: docs/architecture.md). Bucket external stands for a fee asset held outside.
create function trading.post_fill(
  p_trade public.trades, p_base text, p_quote text, p_now timestamptz
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
      case p_trade.fee_asset when p_quote then 'cash' when p_base then 'position' else 'external' end, -p_trade.fee
  ) as e (asset, bucket, amount)
  group by e.asset, e.bucket
  having sum(e.amount) <> 0;
end
$$;
comment on function trading.post_fill is 'Posts a trade to the ledger: value, quantity and fee, each with its other side.';

-- Inserts one reported fill. The same exchange trade again is nothing new; with other content it is an error, never a skip.
create function trading.insert_trade(p_order public.orders, p_fill jsonb, p_realized numeric, p_fee_quote numeric, p_now timestamptz)
returns public.trades
language plpgsql volatile set search_path = ''
as $$
declare
  v_trade public.trades;
  v_known public.trades;
  v_value numeric := coalesce((p_fill ->> 'value')::numeric, (p_fill ->> 'price')::numeric * (p_fill ->> 'quantity')::numeric);
begin
  insert into public.trades (id, user_id, trader_id, position_id, order_id, portfolio_id, account_id, symbol, side, binance_trade_id,
    price, quantity, value, fee, fee_asset, fee_quote, is_maker, realized_pnl, quote_hash, is_paper_trade, executed_at, recorded_at)
  values (trading.derived_id('trade', p_order.id::text, p_fill ->> 'trade_id'), p_order.user_id, p_order.trader_id, p_order.position_id,
    p_order.id, p_order.portfolio_id, p_order.account_id, p_order.symbol, p_order.side, p_fill ->> 'trade_id',
    (p_fill ->> 'price')::numeric, (p_fill ->> 'quantity')::numeric, v_value, (p_fill ->> 'fee')::numeric, p_fill ->> 'fee_asset',
    p_fee_quote, coalesce((p_fill ->> 'is_maker')::boolean, false), p_realized, p_fill ->> 'quote_hash', p_order.is_paper_trade,
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

-- The accounting of one fill on a position held in memory. A base fee makes the quantity smaller, it is not a cost.
create function trading.account_fill(
  inout p_position public.positions, p_order public.orders, p_fill jsonb, p_base text, p_quote text, out realized numeric, out fee_quote numeric
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
  fee_quote := case when p_fill ->> 'fee_asset' = p_base then v_base_fee * v_price else v_other end;
  v_other := coalesce(v_other, 0);
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
  v_gone := v_q + v_base_fee;
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
comment on function trading.account_fill is 'Position after a fill, what the fill realized and its fee in quote (null without a rate). FB500 oversold.';

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

create type trading.fill_sums as (quantity numeric, value numeric, fees numeric, fill_count int);
comment on type trading.fill_sums is 'What the fills new in one report add up to: base quantity, quote value, fees in quote, how many.';

create function trading.fold_fills(p_order public.orders, p_fills jsonb, p_now timestamptz) returns trading.fill_sums
language plpgsql volatile set search_path = ''
as $$
declare
  v_position   public.positions;
  v_instrument public.instruments;
  v_fill       jsonb;
  v_after      record;
  v_trade      public.trades;
  v_sums       trading.fill_sums := row(0, 0, 0, 0);
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
  for v_fill in select e.f from jsonb_array_elements(p_fills) with ordinality as e (f, n) order by e.n loop
    if exists (select from public.trades t where t.order_id = p_order.id and t.binance_trade_id = v_fill ->> 'trade_id') then
      perform trading.insert_trade(p_order, v_fill, 0, 0, p_now);
      continue;
    end if;
    v_after := trading.account_fill(v_position, p_order, v_fill, v_instrument.base_asset, v_instrument.quote_asset);
    v_trade := trading.insert_trade(p_order, v_fill, v_after.realized, v_after.fee_quote, p_now);
    perform trading.post_fill(v_trade, v_instrument.base_asset, v_instrument.quote_asset, p_now);
    v_position := v_after.p_position;
    v_sums.quantity := v_sums.quantity + v_trade.quantity;
    v_sums.value := v_sums.value + v_trade.value;
    v_sums.fees := v_sums.fees + coalesce(v_trade.fee_quote, 0);
    v_sums.fill_count := v_sums.fill_count + 1;
  end loop;
  if v_sums.fill_count > 0 then
    update public.positions p set quantity = v_position.quantity, cost = v_position.cost, entry_cost = v_position.entry_cost,
      entry_price = v_position.entry_price, entry_quantity = v_position.entry_quantity, entry_value = v_position.entry_value,
      entry_time = v_position.entry_time, exit_price = v_position.exit_price, exit_quantity = v_position.exit_quantity,
      exit_value = v_position.exit_value, exit_time = v_position.exit_time, fees_paid = v_position.fees_paid,
      realized_pnl = v_position.realized_pnl, is_pnl_provisional = v_position.is_pnl_provisional, updated_at = p_now
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

-- The venue's word against the fills we hold: an order is final only when they agree.
create function trading.next_order_state(p_order public.orders, p_status text, p_filled numeric, p_executed numeric) returns text
language sql immutable
return case
    when p_filled = p_order.quantity then 'filled'
    when p_status in ('cancelled', 'expired', 'rejected', 'not_sent', 'not_placed') and p_filled >= p_executed then p_status
    when p_filled > 0 then 'partially_filled'
    when p_status in ('cancelled', 'expired', 'filled') then 'working'
    else p_status
  end;
comment on function trading.next_order_state is 'State an order takes on a report, given all fills now recorded and the quantity the venue says it executed.';

create function trading.apply_order_report(p_order public.orders, p_report jsonb, p_fills trading.fill_sums, p_now timestamptz) returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_filled   numeric := p_order.filled_quantity + p_fills.quantity;
  v_executed numeric := greatest(coalesce((p_report ->> 'executed_quantity')::numeric, 0), p_order.venue_executed_quantity, v_filled);
  v_state    text := trading.next_order_state(p_order, p_report ->> 'status', v_filled, v_executed);
  v_is_final boolean;
  v_order    public.orders;
begin
  -- A late or repeated report never takes a state back: without news the order stays as it is.
  if p_fills.fill_count = 0 and not exists (select from trading.order_transitions t where t.from_status = p_order.state and t.to_status = v_state) then
    v_state := p_order.state;
  end if;
  v_is_final := v_state in ('denied', 'abandoned', 'not_sent', 'filled', 'cancelled', 'expired', 'rejected', 'not_placed');
  update public.orders o set
    state = v_state, filled_quantity = v_filled, venue_executed_quantity = v_executed,
    total_value = o.total_value + p_fills.value, fees = o.fees + p_fills.fees,
    avg_fill_price = case when v_filled > 0 then trading.divide_half_even(o.total_value + p_fills.value, v_filled) end,
    binance_order_id = coalesce(o.binance_order_id, p_report ->> 'exchange_order_id'),
    error_code = coalesce(p_report ->> 'error_code', o.error_code), error_message = coalesce(p_report ->> 'error_message', o.error_message),
    submitted_at = coalesce(o.submitted_at, case when v_state not in ('planned', 'denied', 'abandoned', 'not_sent') then p_now end),
    filled_at = case when v_state = 'filled' then coalesce(o.filled_at, p_now) else o.filled_at end,
    finished_at = case when v_is_final then coalesce(o.finished_at, p_now) end,
    updated_at = p_now
  where o.id = p_order.id
  returning * into v_order;
  perform trading.release_reservation(v_order.id, p_fills.quantity, v_is_final, p_now);
  return v_order;
end
$$;
comment on function trading.apply_order_report is 'Moves an order along by a report and the fills just recorded; releases what it no longer needs.';

-- How many take-profit levels the quantity can serve: each part must be an order the exchange accepts.
create function trading.split_targets(p_quantity numeric, p_prices numeric[], p_instrument public.instruments)
returns table (part int, price numeric, quantity numeric)
language plpgsql immutable set search_path = ''
as $$
declare
  v_parts int := coalesce(cardinality(p_prices), 0);
  v_each  numeric;
begin
  while v_parts > 0 loop
    v_each := trading.floor_to_step(p_quantity / v_parts, p_instrument.lot_step);
    exit when v_each >= greatest(p_instrument.lot_min, p_instrument.lot_step)
      and v_each * p_prices[1] >= p_instrument.notional_min;
    v_parts := v_parts - 1;
  end loop;
  return query
    select i, p_prices[i], case when i < v_parts then v_each else p_quantity - v_each * (v_parts - 1) end
    from generate_series(1, v_parts) i;
end
$$;
comment on function trading.split_targets is 'Equal parts of a quantity over the nearest take profits, the last taking the rest; fewer levels where parts would be too small.';

create function trading.place_protective(
  p_position public.positions, p_role text, p_level int, p_quantity numeric, p_price numeric, p_now timestamptz
) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_order   public.orders;
  v_attempt int;
  v_id      uuid;
begin
  select * into v_order from public.orders o
  where o.position_id = p_position.id and o.role = p_role and o.level = p_level and o.state in ('working', 'partially_filled');
  if found then
    update public.orders o set quantity = p_quantity + o.filled_quantity,
      price = case when p_role = 'take_profit' then p_price end, trigger_price = case when p_role = 'stop_loss' then p_price end,
      updated_at = p_now
    where o.id = v_order.id
      and (o.quantity, coalesce(o.price, o.trigger_price)) is distinct from (p_quantity + o.filled_quantity, p_price);
    if found then
      perform trading.audit(p_now, 'order_resized', v_order.user_id, v_order.trader_id, 'order', v_order.id::text,
        jsonb_build_object('role', p_role, 'quantity', trading.money_text(p_quantity), 'price', trading.money_text(p_price)));
    end if;
    return;
  end if;
  select coalesce(max(o.attempt), 0) + 1 into v_attempt from public.orders o
  where o.position_id = p_position.id and o.role = p_role and o.level = p_level;
  v_id := trading.derived_id('order', p_position.id::text, p_role, p_level::text, v_attempt::text);
  insert into public.orders (id, user_id, trader_id, signal_id, position_id, portfolio_id, account_id, role, attempt, level, symbol, side,
    type, time_in_force, quantity, price, trigger_price, client_order_id, state, is_paper_trade, permitted_at, submitted_at, created_at, updated_at)
  values (v_id, p_position.user_id, p_position.trader_id, p_position.signal_id, p_position.id, p_position.portfolio_id,
    p_position.account_id, p_role, v_attempt, p_level, p_position.symbol, 'SELL',
    case p_role when 'stop_loss' then 'STOP_LOSS' else 'LIMIT' end, 'GTC', p_quantity,
    case when p_role = 'take_profit' then p_price end, case when p_role = 'stop_loss' then p_price end,
    trading.client_order_id(v_id), 'working', p_position.is_paper_trade, p_now, p_now, p_now, p_now);
end
$$;
comment on function trading.place_protective is 'Rests a protective order on the paper venue, or resizes the one that rests there.';

-- Brings stop and targets in line with what is held: one group whose largest leg is the whole quantity, never more.
create function trading.sync_protection(p_position public.positions, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_instrument public.instruments;
  v_sellable   numeric;
  v_target     record;
  v_levels     int := 0;
  v_prices     numeric[];
  v_level_of   int[];
begin
  insert into trading.engine_stops as s (position_id, symbol, trigger_price, armed_at)
  values (p_position.id, p_position.symbol, p_position.stop_loss_price, p_now)
  on conflict (position_id) do update set trigger_price = excluded.trigger_price
    where s.trigger_price <> excluded.trigger_price;
  if not p_position.is_paper_trade then
    return;
  end if;
  select * into v_instrument from public.instruments where symbol = p_position.symbol;
  v_sellable := trading.floor_to_step(p_position.quantity, v_instrument.lot_step);
  if v_sellable > 0 then
    perform trading.place_protective(p_position, 'stop_loss', 0, v_sellable, p_position.stop_loss_price, p_now);
    -- Levels already filled are done; the open ones share what is left.
    select array_agg(t.price order by t.level), array_agg(t.level order by t.level) into v_prices, v_level_of
    from unnest(p_position.take_profit_prices) with ordinality as t (price, level)
    where not exists (select from public.orders o where o.position_id = p_position.id and o.role = 'take_profit'
      and o.level = t.level and o.state = 'filled');
    for v_target in select * from trading.split_targets(v_sellable, v_prices, v_instrument) loop
      perform trading.place_protective(p_position, 'take_profit', v_level_of[v_target.part], v_target.quantity, v_target.price, p_now);
      v_levels := v_target.part;
    end loop;
  end if;
  update public.orders o set state = 'cancelled', reason = 'quantity too small for this level', finished_at = p_now, updated_at = p_now
  where o.position_id = p_position.id and o.role = 'take_profit' and o.state in ('working', 'partially_filled')
    and o.level <> all (coalesce(v_level_of[1:v_levels], '{}'));
end
$$;
comment on function trading.sync_protection is 'Arms the engine stop of an open position and, on paper, rests its stop and take profits at today''s quantity.';

create function trading.end_protection(p_position_id uuid, p_reason text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  delete from trading.engine_stops where position_id = p_position_id;
  update public.orders o set state = 'cancelled', reason = p_reason, finished_at = p_now, updated_at = p_now
  where o.position_id = p_position_id and o.is_paper_trade and o.role in ('stop_loss', 'take_profit')
    and o.state in ('working', 'partially_filled');
end
$$;
comment on function trading.end_protection is 'Disarms the engine stop and cancels the resting protective orders of a position that holds nothing.';

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

-- Nothing sellable is left: value the dust at the last fill, book it to the pool and close.
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
    select t.price into v_last from public.trades t where t.position_id = p_position.id
    order by (t.side = 'SELL') desc, t.executed_at desc, t.recorded_at desc, t.id limit 1;
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
  update public.positions p set status = 'closed', closed_at = p_now, quantity = 0, cost = 0, realized_pnl = v_total,
    realized_pnl_percent = trading.divide_half_even(v_total * 100, p.entry_cost, 8),
    dust_quantity = p.dust_quantity + v_dust, dust_value = p.dust_value + v_value, exit_time = coalesce(p.exit_time, p_now), updated_at = p_now
  where p.id = p_position.id;
  update public.paper_balances b set total_pnl = b.total_pnl + v_total, total_trades = b.total_trades + 1,
    winning_trades = b.winning_trades + (v_total > 0)::int, losing_trades = b.losing_trades + (v_total < 0)::int, updated_at = p_now
  where b.account_id = p_position.account_id;
  perform trading.end_protection(p_position.id, 'position_closed', p_now);
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

create function trading.open_position(p_position public.positions, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.positions p set status = 'open', opened_at = p_now, updated_at = p_now
  where p.id = p_position.id and p.status = 'submitting';
  perform trading.schedule_management(p_position);
  if p_position.signal_id is not null then
    perform trading.set_signal_status(p_position.signal_id, 'in_position', null, null, p_now);
  end if;
end
$$;
comment on function trading.open_position is 'The first fill: position open, its management schedule, its signal in position.';

-- What an entry's report means for its position.
create function trading.settle_entry(p_order public.orders, p_fill_count int, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
  v_fee      numeric;
  v_is_final boolean := p_order.finished_at is not null;
begin
  select * into v_position from public.positions where id = p_order.position_id;
  if p_fill_count > 0 then
    select s.paper_taker_fee into v_fee from trading.settings s;
    if v_position.status = 'submitting' then
      perform trading.open_position(v_position, p_now);
    end if;
    update public.positions p set updated_at = p_now,
      max_loss_usdt = greatest(p.cost - p.quantity * p.stop_loss_price * (1 - v_fee), 0)
    where p.id = v_position.id
    returning * into v_position;
    if v_is_final and trading.is_unsellable(v_position) then
      perform trading.begin_closing(v_position.id, 'dust', p_now);
      select * into v_position from public.positions where id = v_position.id;
      perform trading.close_position_row(v_position, p_now);
    else
      perform trading.sync_protection(v_position, p_now);
    end if;
  elsif v_is_final and p_order.filled_quantity = 0 and v_position.status in ('created', 'submitting') then
    perform trading.fail_entry(v_position.id, case p_order.state when 'rejected' then 'entry_rejected' when 'denied' then 'entry_denied'
      when 'not_placed' then 'entry_not_placed' when 'not_sent' then 'entry_not_sent' else 'entry_unfilled' end,
      coalesce(p_order.error_message, nullif(p_order.reason, ''), 'the entry order ended without a fill'), p_now);
  end if;
end
$$;
comment on function trading.settle_entry is 'After an entry''s report: open and protect on fills, fail when it ended without one, close at once what could never be sold.';

create function trading.fail_entry(p_position_id uuid, p_code text, p_reason text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
begin
  update public.positions p set status = 'failed', failure_code = p_code, failure_reason = p_reason, closed_at = p_now, updated_at = p_now
  where p.id = p_position_id
  returning * into v_position;
  if v_position.signal_id is not null then
    perform trading.set_signal_status(v_position.signal_id, 'rejected', p_code, p_reason, p_now);
  end if;
end
$$;
comment on function trading.fail_entry is 'Ends a position that never held anything, and rejects its signal with the same code and words.';

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
  if p_fill_count > 0 and (v_position.quantity = 0 or trading.is_unsellable(v_position))
    and not exists (select from public.orders o where o.position_id = v_position.id and o.role = 'entry'
                    and o.state in ('planned', 'submitting', 'unknown', 'working', 'partially_filled')) then
    perform trading.begin_closing(v_position.id, coalesce(nullif(p_order.reason, ''), p_order.role), p_now);
    select * into v_position from public.positions where id = v_position.id;
    perform trading.close_position_row(v_position, p_now);
    return;
  end if;
  if p_order.finished_at is not null and v_position.status = 'closing' then
    update public.positions p set status = p.status_before_closing, status_before_closing = null, exit_reason = null, updated_at = p_now
    where p.id = v_position.id returning * into v_position;
  end if;
  if v_position.status <> 'closing' then
    update trading.engine_stops s set fired_at = null where s.position_id = v_position.id and s.fired_at is not null;
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
    perform trading.settle_entry(v_order, v_fills.fill_count, p_now);
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
