-- Purpose: the commands that turn jobs into orders: plan, permit, the paper venue, exits, cancels, and the worker's entry point.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Paper venue -------------------------------------------------------------------------------------------------------

-- What a taker meets: the known depth, else the best price made worse by a seeded slippage and a configured impact.
create function trading.paper_levels(p_order public.orders, p_instrument public.instruments, p_quote trading.quotes, p_settings trading.settings)
returns table (n bigint, price numeric, quantity numeric)
language plpgsql stable set search_path = ''
as $$
declare
  v_is_buy  boolean := p_order.side = 'BUY';
  v_book    jsonb := case when v_is_buy then p_quote.depth -> 'asks' else p_quote.depth -> 'bids' end;
  v_best    numeric := case when v_is_buy then p_quote.ask else p_quote.bid end;
  v_slip    numeric;
begin
  if jsonb_array_length(coalesce(v_book, '[]')) > 0 then
    return query
      select e.n, (e.level ->> 0)::numeric, (e.level ->> 1)::numeric
      from jsonb_array_elements(v_book) with ordinality as e (level, n);
    return;
  end if;
  v_slip := p_settings.paper_slippage_min
    + (p_settings.paper_slippage_max - p_settings.paper_slippage_min) * trading.seeded_unit(p_order.id::text || '|slippage')
    + p_settings.paper_impact_per_10k * v_best * p_order.quantity / 10000;
  return query select 1::bigint,
    case when v_is_buy then trading.ceil_to_step(v_best * (1 + v_slip), p_instrument.tick_size)
    else greatest(trading.floor_to_step(v_best * (1 - v_slip), p_instrument.tick_size), p_instrument.tick_size)::numeric end,
    p_order.quantity::numeric;
end
$$;
comment on function trading.paper_levels is 'Prices and quantities a paper taker order meets, best first. Without depth: one level, slipped by seed and impact.';

create function trading.paper_fee(p_side text, p_price numeric, p_quantity numeric, p_rate numeric, p_instrument public.instruments, out fee numeric, out fee_asset text)
language plpgsql immutable set search_path = ''
as $$
begin
  if p_side = 'BUY' then
    fee := round(p_quantity * p_rate, p_instrument.base_commission_precision);
    fee_asset := p_instrument.base_asset;
  else
    fee := round(p_price * p_quantity * p_rate, p_instrument.quote_commission_precision);
    fee_asset := p_instrument.quote_asset;
  end if;
end
$$;
comment on function trading.paper_fee is 'Commission as Binance takes it: of what is received, in the base asset on a buy, rounded half up to the commission precision.';

create function trading.paper_fill(
  p_order public.orders, p_n bigint, p_price numeric, p_quantity numeric, p_is_maker boolean, p_instrument public.instruments,
  p_settings trading.settings, p_quote trading.quotes, p_at timestamptz
) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('trade_id', p_order.client_order_id || '.' || p_n, 'price', p_price, 'quantity', p_quantity,
      'fee', c.fee, 'fee_asset', c.fee_asset, 'is_maker', p_is_maker, 'executed_at', p_at, 'quote_hash', p_quote.hash)
    from trading.paper_fee(p_order.side, p_price, p_quantity,
      case when p_is_maker then p_settings.paper_maker_fee else p_settings.paper_taker_fee end, p_instrument) c
  );
end
$$;
comment on function trading.paper_fill is 'One fill of a paper order as a venue would report it.';

-- A sell never exceeds what the position holds at that moment, whatever the order says: it may have shrunk on the way.
create function trading.paper_open_quantity(p_order public.orders, p_instrument public.instruments) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when p_order.side = 'BUY' then p_order.quantity - p_order.filled_quantity
      else least(p_order.quantity - p_order.filled_quantity, trading.floor_to_step(p.quantity, p_instrument.lot_step)) end
    from public.positions p where p.id = p_order.position_id
  );
end
$$;
comment on function trading.paper_open_quantity is 'How much of a paper order may still fill.';

-- A taker walks the book up to its limit. A stop that was only touched by a wick sold near its trigger; one the market
-- jumped over sells at the gap.
create function trading.paper_take(
  p_order public.orders, p_instrument public.instruments, p_quote trading.quotes, p_settings trading.settings, p_at timestamptz
) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_level  record;
  v_left   numeric := trading.paper_open_quantity(p_order, p_instrument);
  v_wanted numeric := p_order.quantity - p_order.filled_quantity;
  v_take   numeric;
  v_price  numeric;
  v_count  bigint := (select count(*) from public.trades t where t.order_id = p_order.id);
  v_fills  jsonb := '[]';
begin
  v_wanted := v_wanted - v_left;
  for v_level in select * from trading.paper_levels(p_order, p_instrument, p_quote, p_settings) order by n loop
    exit when v_left = 0;
    v_price := v_level.price;
    if p_order.price is not null then
      exit when (p_order.side = 'BUY' and p_quote.ask > p_order.price) or (p_order.side = 'SELL' and p_quote.bid < p_order.price);
      -- A seeded slip never carries a fill past the limit; real depth beyond it is simply not taken.
      if p_quote.depth is null then
        v_price := case p_order.side when 'BUY' then least(v_price, p_order.price) else greatest(v_price, p_order.price) end;
      end if;
      exit when (p_order.side = 'BUY' and v_price > p_order.price) or (p_order.side = 'SELL' and v_price < p_order.price);
    end if;
    if p_order.role = 'stop_loss' then
      v_price := least(v_price, p_order.trigger_price);
    end if;
    v_take := least(v_left, v_level.quantity);
    continue when v_take <= 0;
    v_count := v_count + 1;
    v_fills := v_fills || trading.paper_fill(p_order, v_count, v_price, v_take, false, p_instrument, p_settings, p_quote, p_at);
    v_left := v_left - v_take;
  end loop;
  v_left := v_left + v_wanted;
  return jsonb_build_object('fills', v_fills, 'executed_quantity', p_order.quantity - v_left,
    'status', case when v_left = 0 then 'filled'
                   when p_order.type = 'LIMIT' and p_order.time_in_force = 'GTC' then 'working'
                   else 'expired' end,
    'error_message', case when v_left > 0 and p_order.time_in_force <> 'GTC' then 'the book ended before the order was filled' end);
end
$$;
comment on function trading.paper_take is 'Report of a paper order that takes liquidity now: fills down the book, the rest expired (IOC, market, stop) or resting (GTC limit).';

-- A resting limit fills when the market trades through it, never by a touch, at its own price, as a maker.
create function trading.paper_rest(
  p_order public.orders, p_instrument public.instruments, p_quote trading.quotes, p_settings trading.settings, p_at timestamptz
) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case
      when trading.paper_open_quantity(p_order, p_instrument) = p_order.quantity - p_order.filled_quantity
        and ((p_order.side = 'BUY' and least(p_quote.ask, p_quote.low) < p_order.price)
          or (p_order.side = 'SELL' and greatest(p_quote.bid, p_quote.high) > p_order.price)) then
        jsonb_build_object('status', 'filled', 'executed_quantity', p_order.quantity, 'fills', jsonb_build_array(
          trading.paper_fill(p_order, (select count(*) + 1 from public.trades t where t.order_id = p_order.id), p_order.price,
            p_order.quantity - p_order.filled_quantity, true, p_instrument, p_settings, p_quote, p_at)))
      else jsonb_build_object('status', 'working', 'executed_quantity', p_order.filled_quantity, 'fills', '[]'::jsonb)
    end
  );
end
$$;
comment on function trading.paper_rest is 'Report of a resting paper limit at a quote: filled if traded through, else still working.';

-- The paper exchange's answer to an order that arrives: refused by its filters, or matched against the quote of its moment.
create function trading.paper_submit(p_order public.orders, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_settings   trading.settings;
  v_instrument public.instruments;
  v_quote      trading.quotes;
  v_violation  text;
begin
  select * into v_settings from trading.settings;
  select * into v_instrument from public.instruments where symbol = p_order.symbol;
  v_quote := trading.quote_at(p_order.symbol, coalesce(p_order.market_at, p_now));
  if v_instrument.status <> 'TRADING' then
    return jsonb_build_object('status', 'rejected', 'error_code', '-2010', 'error_message', 'This symbol is not trading: ' || v_instrument.status);
  end if;
  if v_quote.symbol is null then
    return jsonb_build_object('status', 'rejected', 'error_code', '-2010', 'error_message', 'No price for this symbol.');
  end if;
  v_violation := trading.filter_violation(v_instrument, p_order.side, case when p_order.type = 'STOP_LOSS' then 'MARKET' else p_order.type end,
    p_order.quantity, p_order.price, null, v_quote.last);
  if v_violation is not null then
    return jsonb_build_object('status', 'rejected', 'error_code', '-1013', 'error_message', 'Filter failure: ' || v_violation);
  end if;
  return trading.paper_take(p_order, v_instrument, v_quote, v_settings, coalesce(p_order.market_at, p_now))
    || jsonb_build_object('exchange_order_id', 'P' || left(md5(p_order.client_order_id), 15));
end
$$;
comment on function trading.paper_submit is 'The paper venue''s report on an order that arrives: rejected by a filter, or filled, resting or expired.';

create function trading.paper_latency(p_order_id uuid, p_settings trading.settings) returns interval
language sql immutable
return make_interval(secs => round((p_settings.paper_latency_ms
    + p_settings.paper_latency_jitter_ms * trading.seeded_unit(p_order_id::text || '|latency')), 3) / 1000.0);
comment on function trading.paper_latency is 'How long a paper order travels, from its seed.';

-- Permit ------------------------------------------------------------------------------------------------------------

-- The last gate before an order leaves. The gates are taken shared and last; the state is read in the next statement, so
-- that no permit can be given after a halt has committed.
create function trading.grant_permit(p_order public.orders, p_needs_active boolean, p_now timestamptz) returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_state record;
  v_order public.orders;
  v_is_allowed boolean;
begin
  perform trading.enter_gates(p_order.user_id, p_order.account_id);
  select * into v_state from trading.effective_state(p_order.user_id, p_order.account_id);
  v_is_allowed := v_state.state = 'active' or not p_needs_active;
  update public.orders o set
    state = case when v_is_allowed then 'submitting' else 'denied' end,
    state_epoch = v_state.epoch,
    permitted_at = case when v_is_allowed then p_now end,
    finished_at = case when v_is_allowed then null else p_now end,
    error_code = case when not v_is_allowed then 'trading_not_active' end,
    error_message = case when not v_is_allowed then 'trading was paused or halted before the order could leave' end,
    updated_at = p_now
  where o.id = p_order.id and o.state = 'planned'
  returning * into v_order;
  if not found then
    perform trading.raise_error('FB409', 'permit_refused', 'only a planned order can get a permit', jsonb_build_object('order_id', p_order.id));
  end if;
  if not v_is_allowed then
    perform trading.release_reservation(v_order.id, 0, true, p_now);
  end if;
  return v_order;
end
$$;
comment on function trading.grant_permit is 'Moves a planned order to submitting, or to denied when an entry meets a halt. FB409 permit_refused.';

-- Sends a permitted order to the paper venue: at once, or, with a latency, as a job due when it would arrive.
create function trading.send_paper_order(p_order public.orders, p_now timestamptz) returns public.orders
language plpgsql volatile set search_path = ''
as $$
begin
  if p_order.market_at > p_now then
    perform trading.enqueue_job('sync', 'arrive:' || p_order.id, p_order.portfolio_id, true, p_order.market_at,
      p_position_id => p_order.position_id, p_order_id => p_order.id);
    return p_order;
  end if;
  return trading.fold_report(p_order.id, trading.paper_submit(p_order, p_now), p_now);
end
$$;
comment on function trading.send_paper_order is 'Executes a submitting paper order now, or queues its arrival after the seeded latency.';

-- Entry -------------------------------------------------------------------------------------------------------------

create function trading.store_verdict(p_assessment jsonb, p_signal public.signals, p_trader public.traders, p_portfolio_id uuid, p_now timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_id uuid := trading.derived_id('risk_check', p_signal.id::text, p_signal.decision_id::text, clock_timestamp()::text);
begin
  insert into trading.risk_checks (id, user_id, trader_id, signal_id, portfolio_id, decision_id, passed, code, message, rules, facts, checked_at)
  values (v_id, p_trader.user_id, p_trader.id, p_signal.id, p_portfolio_id, p_signal.decision_id, (p_assessment ->> 'passed')::boolean,
    p_assessment ->> 'code', p_assessment ->> 'message', p_assessment -> 'rules', p_assessment -> 'facts', p_now);
  perform trading.audit(p_now, case when (p_assessment ->> 'passed')::boolean then 'risk_passed' else 'risk_denied' end, p_trader.user_id,
    p_trader.id, 'signal', p_signal.id::text,
    jsonb_strip_nulls(jsonb_build_object('risk_check_id', v_id, 'decision_id', p_signal.decision_id, 'code', p_assessment ->> 'code')));
end
$$;
comment on function trading.store_verdict is 'Stores a verdict with its rules and facts, and audits it.';

create function trading.insert_entry(p_signal public.signals, p_trader public.traders, p_account trading.accounts, p_facts jsonb, p_now timestamptz)
returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_order       public.orders;
  v_position_id uuid := trading.derived_id('position', p_signal.id::text, p_signal.decision_id::text);
  v_order_id    uuid := trading.derived_id('order', v_position_id::text, 'entry', '0', '1');
  v_client_id   text := trading.client_order_id(v_order_id);
  v_is_limit    boolean := p_facts ->> 'order_type' = 'limit';
  v_targets     numeric[] := array(select e::numeric from jsonb_array_elements_text(p_facts -> 'take_profits') e);
begin
  insert into public.positions (id, user_id, trader_id, signal_id, portfolio_id, account_id, symbol, status, is_paper_trade, stop_loss_price,
    take_profit_price, take_profit_prices, max_loss_usdt, created_at, updated_at)
  values (v_position_id, p_trader.user_id, p_trader.id, p_signal.id, p_account.portfolio_id, p_account.id, p_signal.symbol, 'created',
    p_account.environment = 'paper', (p_facts ->> 'stop')::numeric, v_targets[1], v_targets, (p_facts ->> 'max_loss')::numeric, p_now, p_now);
  insert into public.orders (id, user_id, trader_id, signal_id, position_id, portfolio_id, account_id, role, attempt, symbol, side, type,
    time_in_force, quantity, price, client_order_id, state, is_paper_trade, market_at, created_at, updated_at)
  select v_order_id, p_trader.user_id, p_trader.id, p_signal.id, v_position_id, p_account.portfolio_id, p_account.id, 'entry', 1,
    p_signal.symbol, 'BUY', 'LIMIT', case when v_is_limit then 'GTC' else 'IOC' end, (p_facts ->> 'quantity')::numeric,
    (p_facts ->> 'price')::numeric, v_client_id, 'planned', p_account.environment = 'paper',
    p_signal.decided_at + trading.paper_latency(v_order_id, s), p_now, p_now
  from trading.settings s
  returning * into v_order;
  insert into trading.reservations (order_id, portfolio_id, account_id, side, asset, amount, per_unit)
  values (v_order.id, v_order.portfolio_id, v_order.account_id, 'BUY', 'USDT', v_order.quantity * v_order.price, v_order.price);
  if v_is_limit then
    perform trading.enqueue_job('cancel', 'timeout:' || v_order.id, v_order.portfolio_id, v_order.is_paper_trade,
      p_now + make_interval(secs => p_trader.entry_timeout_seconds), p_position_id => v_position_id, p_order_id => v_order.id,
      p_payload => jsonb_build_object('reason', 'entry_timeout'));
  end if;
  return v_order;
end
$$;
comment on function trading.insert_entry is 'The intent of an entry: position created, order planned, cash reserved, time-out queued.';

-- Why a decision has nothing to do any more, or null. Read under the portfolio's lock.
create function trading.entry_obstacle(p_signal public.signals, p_job trading.jobs) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case
      when p_signal.id is null then 'signal_gone'
      when exists (select from public.positions p where p.signal_id = p_signal.id and p.status <> 'failed') then 'signal_has_position'
      when p_signal.decision_id::text is distinct from p_job.payload ->> 'decision_id' or p_signal.decision <> 'enter_trade' then 'decision_superseded'
      when p_signal.status in ('completed', 'expired') then 'signal_ended'
    end
  );
end
$$;
comment on function trading.entry_obstacle is 'signal_gone, signal_has_position, decision_superseded, signal_ended, or null when the decision may be executed.';

-- One transaction: lock portfolio, account and signal; read again in later statements; judge; reserve; record the intent.
create function trading.plan_entry(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_signal     public.signals;
  v_trader     public.traders;
  v_account    trading.accounts;
  v_obstacle   text;
  v_assessment jsonb;
  v_order      public.orders;
begin
  perform trading.lock_portfolio(p_job.portfolio_id);
  select t.* into v_trader from public.traders t join public.signals s on s.trader_id = t.id where s.id = p_job.signal_id;
  if v_trader.id is not null and v_trader.user_id is not null and p_job.is_paper then
    v_account := trading.ensure_paper_account(v_trader, p_now);
    perform from trading.accounts a where a.id = v_account.id for no key update;
  end if;
  perform from public.signals s where s.id = p_job.signal_id for no key update;
  select * into v_signal from public.signals s where s.id = p_job.signal_id;
  v_obstacle := trading.entry_obstacle(v_signal, p_job);
  if v_obstacle is not null then
    perform trading.audit(p_now, 'decision_ignored', v_trader.user_id, v_trader.id, 'signal', p_job.signal_id::text,
      jsonb_build_object('code', v_obstacle, 'decision_id', p_job.payload ->> 'decision_id'));
    return jsonb_build_object('outcome', 'ignored', 'code', v_obstacle);
  end if;
  if v_trader.paper_trade_mode is distinct from p_job.is_paper or v_trader.user_id is null then
    perform trading.set_signal_status(v_signal.id, 'rejected', 'trader_changed', 'the trader changed its mode or owner after the decision', p_now);
    return jsonb_build_object('outcome', 'denied', 'code', 'trader_changed');
  end if;

  v_assessment := trading.assess_entry(v_signal, v_trader, p_now);
  if not (v_assessment ->> 'passed')::boolean and (v_assessment ->> 'is_retryable')::boolean
    and p_now < v_signal.decided_at + make_interval(secs => v_trader.signal_ttl_seconds) then
    return jsonb_build_object('outcome', 'retry', 'code', v_assessment ->> 'code', 'message', v_assessment ->> 'message');
  end if;
  perform trading.store_verdict(v_assessment, v_signal, v_trader, p_job.portfolio_id, p_now);
  if not (v_assessment ->> 'passed')::boolean then
    perform trading.set_signal_status(v_signal.id, 'rejected', v_assessment ->> 'code', v_assessment ->> 'message', p_now);
    return jsonb_build_object('outcome', 'denied', 'code', v_assessment ->> 'code', 'message', v_assessment ->> 'message');
  end if;
  v_order := trading.insert_entry(v_signal, v_trader, v_account, v_assessment -> 'facts', p_now);
  return jsonb_build_object('outcome', 'planned', 'order_id', v_order.id, 'position_id', v_order.position_id);
end
$$;
comment on function trading.plan_entry is
  'Judges a decision and records the intent: outcome planned (order_id, position_id), denied or retry (code, message), ignored (code).';

create function trading.execute_entry(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_plan  jsonb := trading.plan_entry(p_job, p_now);
  v_order public.orders;
begin
  if v_plan ->> 'outcome' <> 'planned' then
    return v_plan;
  end if;
  select * into v_order from public.orders where id = (v_plan ->> 'order_id')::uuid;
  v_order := trading.grant_permit(v_order, true, p_now);
  if v_order.state = 'denied' then
    perform trading.settle_entry(v_order, 0, p_now);
    return jsonb_build_object('outcome', 'denied', 'code', 'trading_not_active', 'position_id', v_order.position_id);
  end if;
  update public.positions p set status = 'submitting', updated_at = p_now where p.id = v_order.position_id;
  v_order := trading.send_paper_order(v_order, p_now);
  return jsonb_build_object('outcome', v_order.state, 'position_id', v_order.position_id, 'order_id', v_order.id);
end
$$;
comment on function trading.execute_entry is 'A paper entry from decision to fill in one transaction: the same plan, permit and report as a live one.';

-- Exit --------------------------------------------------------------------------------------------------------------

-- Locks in the one order and returns the position as it is afterwards.
create function trading.lock_position(p_position_id uuid) returns public.positions
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
begin
  select * into v_position from public.positions where id = p_position_id;
  if not found then
    perform trading.raise_error('FB404', 'position_not_found', 'there is no such position', jsonb_build_object('position_id', p_position_id));
  end if;
  perform trading.lock_portfolio(v_position.portfolio_id);
  perform from trading.accounts a where a.id = v_position.account_id for no key update;
  perform from public.signals s where s.id = v_position.signal_id for no key update;
  perform from public.positions p where p.id = p_position_id for no key update;
  select * into v_position from public.positions where id = p_position_id;
  return v_position;
end
$$;
comment on function trading.lock_position is 'Locks portfolio, account, signal and position in that order and returns the position. FB404 position_not_found.';

create function trading.cancel_entry_rest(p_position_id uuid, p_reason text, p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
  v_count int := 0;
begin
  for v_order in select * from public.orders o where o.position_id = p_position_id and o.role = 'entry' and o.is_paper_trade
    and o.state in ('planned', 'submitting', 'working', 'partially_filled') loop
    update public.orders o set reason = p_reason where o.id = v_order.id;
    perform trading.fold_report(v_order.id, jsonb_build_object('status', 'cancelled', 'executed_quantity', v_order.filled_quantity), p_now);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function trading.cancel_entry_rest is 'Cancels what is left of a paper position''s entry; returns how many orders it ended.';

-- The order an exit is carried out by: the protective one that triggered, else a new market sell.
create function trading.exit_order(p_position public.positions, p_job trading.jobs, p_quantity numeric, p_market_at timestamptz, p_now timestamptz)
returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_order   public.orders;
  v_id      uuid;
  v_attempt int;
begin
  if p_job.payload ->> 'reason' = 'stop_loss' then
    update public.orders o set market_at = p_market_at, reason = 'stop_loss'
    where o.position_id = p_position.id and o.role = 'stop_loss' and o.state = 'working'
    returning * into v_order;
    return v_order;
  end if;
  select coalesce(max(o.attempt), 0) + 1 into v_attempt from public.orders o where o.position_id = p_position.id and o.role = 'exit';
  v_id := trading.derived_id('order', p_position.id::text, 'exit', '0', v_attempt::text);
  insert into public.orders (id, user_id, trader_id, signal_id, position_id, portfolio_id, account_id, role, attempt, symbol, side, type,
    time_in_force, quantity, client_order_id, state, is_paper_trade, market_at, reason, created_at, updated_at)
  values (v_id, p_position.user_id, p_position.trader_id, p_position.signal_id, p_position.id, p_position.portfolio_id, p_position.account_id,
    'exit', v_attempt, p_position.symbol, 'SELL', 'MARKET', 'GTC', p_quantity, trading.client_order_id(v_id), 'planned',
    p_position.is_paper_trade, p_market_at, p_job.payload ->> 'reason', p_now, p_now)
  returning * into v_order;
  return trading.grant_permit(v_order, false, p_now);
end
$$;
comment on function trading.exit_order is 'The working stop for a stop exit, else a new market sell with its permit (exits pass every halt).';

create function trading.execute_exit(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_position   public.positions := trading.lock_position(p_job.position_id);
  v_instrument public.instruments;
  v_order      public.orders;
  v_sellable   numeric;
  v_wanted     numeric := (p_job.payload ->> 'quantity')::numeric;
  v_is_whole   boolean;
  v_market_at  timestamptz := coalesce((p_job.payload ->> 'market_at')::timestamptz, p_now);
begin
  if v_position.status not in ('open', 'monitoring', 'closing') then
    perform trading.cancel_entry_rest(v_position.id, p_job.payload ->> 'reason', p_now);
    return jsonb_build_object('outcome', 'done', 'code', 'nothing_to_sell');
  end if;
  select * into v_instrument from public.instruments where symbol = v_position.symbol;
  v_sellable := trading.floor_to_step(v_position.quantity, v_instrument.lot_step);
  v_wanted := least(trading.floor_to_step(coalesce(v_wanted, v_sellable), v_instrument.lot_step), v_sellable);
  -- What a part would leave behind must still be sellable; otherwise the part becomes the whole.
  v_is_whole := v_wanted = v_sellable or trading.is_unsellable(
    jsonb_populate_record(v_position, jsonb_build_object('quantity', v_position.quantity - v_wanted)));
  if v_is_whole then
    v_wanted := v_sellable;
    if trading.cancel_entry_rest(v_position.id, 'position_closing', p_now) > 0 then
      select * into v_position from public.positions where id = v_position.id;
    end if;
    if trading.is_unsellable(v_position) then
      perform trading.begin_closing(v_position.id, p_job.payload ->> 'reason', p_now);
      select * into v_position from public.positions where id = v_position.id;
      perform trading.close_position_row(v_position, p_now);
      return jsonb_build_object('outcome', 'closed_as_dust', 'position_id', v_position.id);
    end if;
    perform trading.begin_closing(v_position.id, p_job.payload ->> 'reason', p_now);
  elsif v_wanted = 0 then
    return jsonb_build_object('outcome', 'done', 'code', 'nothing_to_sell');
  end if;
  v_order := trading.exit_order(v_position, p_job, v_wanted, v_market_at, p_now);
  if v_order.id is null then
    return jsonb_build_object('outcome', 'retry', 'code', 'stop_not_resting', 'message', 'the position has no resting stop; it is placed again');
  end if;
  v_order := trading.send_paper_order(v_order, p_now);
  if v_order.finished_at is not null and v_order.state <> 'filled' and v_is_whole then
    -- The first try met the quote that caused it, and emptied it; the next one meets the market as it is then.
    update trading.jobs j set payload = j.payload - 'market_at' where j.id = p_job.id;
    return jsonb_build_object('outcome', 'retry', 'code', 'exit_incomplete', 'message', coalesce(v_order.error_message, 'the exit did not fill'));
  end if;
  return jsonb_build_object('outcome', v_order.state, 'position_id', v_position.id, 'order_id', v_order.id);
end
$$;
comment on function trading.execute_exit is 'Sells all or part of a paper position at market or by its stop; what did not fill is tried again. Never blocked by a halt.';

-- Sync and cancel ---------------------------------------------------------------------------------------------------

create function trading.execute_sync(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_order      public.orders;
  v_quote      trading.quotes;
  v_settings   trading.settings;
  v_instrument public.instruments;
begin
  perform trading.lock_position(p_job.position_id);
  perform from public.orders o where o.id = p_job.order_id for no key update;
  select * into v_order from public.orders o where o.id = p_job.order_id;
  if v_order.state = 'submitting' then
    v_order := trading.fold_report(v_order.id, trading.paper_submit(v_order, p_now), p_now);
  elsif v_order.state in ('working', 'partially_filled') and v_order.type = 'LIMIT' then
    select * into v_settings from trading.settings;
    select * into v_instrument from public.instruments where symbol = v_order.symbol;
    v_quote := trading.quote_at(v_order.symbol, coalesce((p_job.payload ->> 'market_at')::timestamptz, p_now));
    v_order := trading.fold_report(v_order.id,
      trading.paper_rest(v_order, v_instrument, v_quote, v_settings, coalesce((p_job.payload ->> 'market_at')::timestamptz, p_now)), p_now);
  end if;
  return jsonb_build_object('outcome', v_order.state, 'order_id', v_order.id, 'position_id', v_order.position_id);
end
$$;
comment on function trading.execute_sync is 'Asks the paper venue about an order: its arrival after the latency, or whether the market traded through a resting limit.';

create function trading.execute_cancel(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
begin
  perform trading.lock_position(p_job.position_id);
  perform from public.orders o where o.id = p_job.order_id for no key update;
  select * into v_order from public.orders o where o.id = p_job.order_id;
  if v_order.state in ('submitting', 'working', 'partially_filled') then
    update public.orders o set reason = coalesce(p_job.payload ->> 'reason', 'cancelled') where o.id = v_order.id returning * into v_order;
    v_order := trading.fold_report(v_order.id,
      jsonb_build_object('status', 'cancelled', 'executed_quantity', v_order.filled_quantity), p_now);
  end if;
  return jsonb_build_object('outcome', v_order.state, 'order_id', v_order.id, 'position_id', v_order.position_id);
end
$$;
comment on function trading.execute_cancel is 'Cancels a paper order that still rests; one that is over stays as it is.';

reset role;
