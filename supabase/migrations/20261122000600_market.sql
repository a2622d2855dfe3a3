-- Purpose: instruments (the exchange's filters), market prices and a short history of quotes.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table public.instruments (
  symbol                text primary key check (symbol ~ '^[A-Z0-9]{2,40}$'),
  base_asset            text not null,
  quote_asset           text not null,
  status                text not null,
  base_commission_precision  int not null default 8 check (base_commission_precision between 0 and 18),
  quote_commission_precision int not null default 8 check (quote_commission_precision between 0 and 18),
  tick_size             trading.quantity not null,
  price_min             trading.quantity not null default 0,
  price_max             trading.quantity not null default 0,
  lot_step              trading.quantity not null,
  lot_min               trading.quantity not null default 0,
  lot_max               trading.quantity not null default 0,
  market_lot_step       trading.quantity not null default 0,
  market_lot_min        trading.quantity not null default 0,
  market_lot_max        trading.quantity not null default 0,
  notional_min          trading.quantity not null default 0,
  notional_min_applies_to_market boolean not null default true,
  notional_max          trading.quantity not null default 0,
  notional_max_applies_to_market boolean not null default false,
  bid_multiplier_up     trading.quantity,
  bid_multiplier_down   trading.quantity,
  ask_multiplier_up     trading.quantity,
  ask_multiplier_down   trading.quantity,
  max_open_orders       int,
  max_algo_orders       int,
  order_types           text[] not null default '{}',
  source                text not null,
  updated_at            timestamptz not null,
  doubted_at            timestamptz
);
comment on table  public.instruments is 'What Binance Spot trades and its filters, one row per symbol; a filter value of 0 means that rule is off.';
comment on column public.instruments.status is 'TRADING, or why not: HALT, BREAK, END_OF_DAY, CANCEL_ONLY, DELISTED (absent from the last full list).';

comment on column public.instruments.doubted_at is 'Since when these filters are believed out of date: the exchange refused an order that they let pass. The next poll fetches all anew.';

create table public.market_prices (
  symbol          text primary key references public.instruments (symbol),
  bid             trading.price not null,
  bid_quantity    trading.quantity not null default 0,
  ask             trading.price not null,
  ask_quantity    trading.quantity not null default 0,
  last            trading.price not null,
  high            trading.price not null,
  low             trading.price not null,
  source          text not null,
  observed_at     timestamptz not null,
  received_at     timestamptz not null,
  version         bigint not null default 1,
  constraint market_prices_not_crossed check (bid <= ask)
) with (fillfactor = 50);
comment on table  public.market_prices is 'The newest quote of each symbol; high and low are the extremes traded since the quote before it.';
comment on column public.market_prices.observed_at is 'When the market showed it; price age is measured from here.';

create unlogged table trading.quotes (
  symbol       text not null,
  observed_at  timestamptz not null,
  bid          trading.price not null,
  bid_quantity trading.quantity not null,
  ask          trading.price not null,
  ask_quantity trading.quantity not null,
  last         trading.price not null,
  high         trading.price not null,
  low          trading.price not null,
  depth        jsonb,
  hash         text not null,
  primary key (symbol, observed_at)
);
comment on table  trading.quotes is 'Quotes of the last settings.quote_retention_ms, so that a paper fill uses the market of its decision and can be recomputed. Unlogged: after a crash fills use market_prices.';
comment on column trading.quotes.depth is '{"bids": [["price","quantity"], ..], "asks": [..]}, best first; null where only the best prices are known.';
comment on column trading.quotes.hash is 'Fingerprint of the quote; a fill stores it.';

alter table public.instruments enable row level security;
alter table public.market_prices enable row level security;
alter table trading.quotes enable row level security;
create policy instruments_select_all on public.instruments for select to anon, authenticated using (true);
create policy market_prices_select_all on public.market_prices for select to anon, authenticated using (true);
create policy quotes_select_service on trading.quotes for select to service_role using (true);
revoke all on public.instruments, public.market_prices, trading.quotes from public, anon, authenticated, service_role;
grant select on public.instruments, public.market_prices to anon, authenticated, service_role;
grant select on trading.quotes to service_role;

create function trading.apply_instruments(p_instruments jsonb, p_source text, p_is_full_list boolean default false, p_now timestamptz default null)
returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now     timestamptz := coalesce(p_now, trading.engine_now());
  v_changed text[];
  v_resumed text[];
  v_count   int;
begin
  if jsonb_typeof(p_instruments) is distinct from 'array' then
    perform trading.raise_error('FB400', 'instruments_invalid', 'p_instruments must be a JSON array');
  end if;
  select array_agg(i.symbol) filter (where (i.tick_size, i.lot_step, i.lot_min, i.notional_min)
      is distinct from (r.tick_size, r.lot_step, coalesce(r.lot_min, 0), coalesce(r.notional_min, 0))),
    array_agg(i.symbol) filter (where i.status <> 'TRADING' and r.status = 'TRADING') into v_changed, v_resumed
  from jsonb_populate_recordset(null::public.instruments, p_instruments) r join public.instruments i on i.symbol = r.symbol;
  insert into public.instruments as i
  select r.symbol, r.base_asset, r.quote_asset, r.status,
    coalesce(r.base_commission_precision, 8), coalesce(r.quote_commission_precision, 8),
    r.tick_size, coalesce(r.price_min, 0), coalesce(r.price_max, 0),
    r.lot_step, coalesce(r.lot_min, 0), coalesce(r.lot_max, 0),
    coalesce(r.market_lot_step, 0), coalesce(r.market_lot_min, 0), coalesce(r.market_lot_max, 0),
    coalesce(r.notional_min, 0), coalesce(r.notional_min_applies_to_market, true),
    coalesce(r.notional_max, 0), coalesce(r.notional_max_applies_to_market, false),
    r.bid_multiplier_up, r.bid_multiplier_down, r.ask_multiplier_up, r.ask_multiplier_down,
    r.max_open_orders, r.max_algo_orders, coalesce(r.order_types, '{}'), p_source, v_now
  from jsonb_populate_recordset(null::public.instruments, p_instruments) r
  on conflict (symbol) do update set
    base_asset = excluded.base_asset, quote_asset = excluded.quote_asset, status = excluded.status,
    base_commission_precision = excluded.base_commission_precision,
    quote_commission_precision = excluded.quote_commission_precision,
    tick_size = excluded.tick_size, price_min = excluded.price_min, price_max = excluded.price_max,
    lot_step = excluded.lot_step, lot_min = excluded.lot_min, lot_max = excluded.lot_max,
    market_lot_step = excluded.market_lot_step, market_lot_min = excluded.market_lot_min,
    market_lot_max = excluded.market_lot_max, notional_min = excluded.notional_min,
    notional_min_applies_to_market = excluded.notional_min_applies_to_market,
    notional_max = excluded.notional_max, notional_max_applies_to_market = excluded.notional_max_applies_to_market,
    bid_multiplier_up = excluded.bid_multiplier_up, bid_multiplier_down = excluded.bid_multiplier_down,
    ask_multiplier_up = excluded.ask_multiplier_up, ask_multiplier_down = excluded.ask_multiplier_down,
    max_open_orders = excluded.max_open_orders, max_algo_orders = excluded.max_algo_orders,
    order_types = excluded.order_types, source = excluded.source, updated_at = excluded.updated_at, doubted_at = null;
  get diagnostics v_count = row_count;
  if p_is_full_list then
    update public.instruments i set status = 'DELISTED', updated_at = v_now, doubted_at = null
    where (i.status <> 'DELISTED' or i.doubted_at is not null)
      and not exists (select from jsonb_array_elements(p_instruments) e where e ->> 'symbol' = i.symbol);
  end if;
  update public.alerts a set resolved_at = v_now, resolved_by = 'engine'
  where a.code = 'filters_doubted' and a.resolved_at is null
    and exists (select from public.instruments i where i.symbol = a.subject_id and i.doubted_at is null);
  perform trading.fit_protection(v_changed, v_now);
  perform trading.take_up_symbols(v_resumed, v_now) where v_resumed is not null;
  return v_count;
end
$$;
comment on function trading.apply_instruments is
  'Upserts instruments from a JSON array with the column names of public.instruments; with p_is_full_list, absent symbols become DELISTED. Returns the number applied. FB400 instruments_invalid.';
grant execute on function trading.apply_instruments to service_role;

create function trading.instruments_updated_at() returns timestamptz
language sql stable security definer set search_path = ''
as $$ select case when not bool_or(i.doubted_at is not null) then max(i.updated_at) end from public.instruments i $$;
comment on function trading.instruments_updated_at is 'When the exchange''s filters were last applied; null: never, or some are doubted.';
grant execute on function trading.instruments_updated_at to service_role;

-- The rules Binance applies to an order before it reaches the book. p_price is the limit (null for MARKET); p_reference
-- stands for the price a MARKET order is valued at and for the average that percent-price compares with.
-- Notional is checked on the lowest price that could apply, because a stop below the market counts at its own price.
create function trading.filter_violation(
  p_instrument public.instruments, p_side text, p_type text, p_quantity numeric, p_price numeric, p_trigger numeric,
  p_reference numeric
) returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return (
    with priced as (
      select p.price as p from (values (p_price), (p_trigger)) as p(price) where p.price is not null
    ), valued as (
      select coalesce((select min(p) from priced), p_reference) * p_quantity as notional, p_type = 'MARKET' as is_market
    )
    select case
      when exists (select from priced where (p_instrument.price_min > 0 and p < p_instrument.price_min)
          or (p_instrument.price_max > 0 and p > p_instrument.price_max)
          or (p_instrument.tick_size > 0 and mod(p, p_instrument.tick_size) <> 0)) then 'PRICE_FILTER'
      when p_side = 'BUY' and p_reference is not null and exists (select from priced where p > p_reference * p_instrument.bid_multiplier_up
          or p < p_reference * p_instrument.bid_multiplier_down) then 'PERCENT_PRICE_BY_SIDE'
      when p_side = 'SELL' and p_reference is not null and exists (select from priced where p > p_reference * p_instrument.ask_multiplier_up
          or p < p_reference * p_instrument.ask_multiplier_down) then 'PERCENT_PRICE_BY_SIDE'
      when p_quantity <= 0 or p_quantity < p_instrument.lot_min
        or (p_instrument.lot_max > 0 and p_quantity > p_instrument.lot_max)
        or (p_instrument.lot_step > 0 and mod(p_quantity, p_instrument.lot_step) <> 0) then 'LOT_SIZE'
      when v.is_market and (p_quantity < p_instrument.market_lot_min
        or (p_instrument.market_lot_max > 0 and p_quantity > p_instrument.market_lot_max)
        or (p_instrument.market_lot_step > 0 and mod(p_quantity, p_instrument.market_lot_step) <> 0)) then 'MARKET_LOT_SIZE'
      when v.notional < p_instrument.notional_min and (not v.is_market or p_instrument.notional_min_applies_to_market) then 'NOTIONAL'
      when p_instrument.notional_max > 0 and v.notional > p_instrument.notional_max
        and (not v.is_market or p_instrument.notional_max_applies_to_market) then 'NOTIONAL'
    end
    from valued v
  );
end
$$;
comment on function trading.filter_violation is
  'Name of the first exchange filter an order would fail (PRICE_FILTER, PERCENT_PRICE_BY_SIDE, LOT_SIZE, MARKET_LOT_SIZE, NOTIONAL), or null.';

reset role;
