-- Purpose: the paper exchange: book, fees, filters, latency and matching.
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
  -- A side that is known to be empty sells nothing; one that is not known is assumed to be deep.
  if jsonb_typeof(v_book) = 'array' then
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

-- What a position has already taken from a book is gone for it. Books of paper traders are their own otherwise: nobody's
-- result depends on who else trades the same quote.
create function trading.paper_taken(p_position_id uuid, p_side text, p_quote trading.quotes) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(sum(t.quantity), 0) from public.trades t
    where t.position_id = p_position_id and t.side = p_side and t.quote_hash = p_quote.hash and not t.is_maker
  );
end
$$;
comment on function trading.paper_taken is 'Base quantity that a position''s orders of this side took from the book of that quote.';

-- A taker walks the book up to its limit. A stop that was only touched by a wick sold near its trigger; one the market
-- jumped over sells at the gap; one that is tried again later sells at the market of then.
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
  v_taken  numeric := case when p_quote.depth is null then 0 else trading.paper_taken(p_order.position_id, p_order.side, p_quote) end;
  v_is_hit boolean := p_order.role = 'stop_loss' and least(p_quote.bid, p_quote.low) <= p_order.trigger_price;
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
    if v_is_hit then
      v_price := least(v_price, p_order.trigger_price);
    end if;
    v_take := least(v_left, v_level.quantity - least(v_level.quantity, v_taken));
    v_taken := v_taken - least(v_level.quantity, v_taken);
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
        and (p_order.expires_at is null or p_at < p_order.expires_at)
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

reset role;
