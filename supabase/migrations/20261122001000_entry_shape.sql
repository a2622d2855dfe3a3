-- Purpose: what an entry would be: its levels, its price and size, and the table of the verdicts about it.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.risk_checks (
  id            uuid primary key,
  user_id       uuid,
  trader_id     uuid,
  signal_id     uuid,
  portfolio_id  uuid not null,
  decision_id   uuid,
  passed        boolean not null,
  code          text,
  message       text,
  rules         jsonb not null,
  facts         jsonb not null,
  limits_version     int generated always as ((facts #>> '{limits,version}')::int) stored,
  limits_all_version int generated always as ((facts #>> '{limits_all,version}')::int) stored,
  checked_at    timestamptz not null,
  constraint risk_checks_denial_explained check (passed = (code is null))
);
comment on table  trading.risk_checks is 'One row per verdict: every rule with its value and limit, and the facts it was computed from.';
comment on column trading.risk_checks.facts is 'All inputs, limits included: trading.evaluate_entry(facts) gives the same rules again.';
comment on column trading.risk_checks.limits_version is 'Version of the trader''s limits it was judged by; limits_all_version: of the account-wide ones.';
create index risk_checks_signal_id_idx on trading.risk_checks (signal_id);
create index risk_checks_portfolio_id_idx on trading.risk_checks (portfolio_id, checked_at);
create index risk_checks_user_id_idx on trading.risk_checks (user_id, checked_at);
alter table trading.risk_checks enable row level security;
create policy risk_checks_select_service on trading.risk_checks for select to service_role using (true);
-- Users read their rows through the view public.risk_verdicts; without usage of the schema they cannot name the table.
create policy risk_checks_select_owner on trading.risk_checks for select to authenticated using (user_id = (select auth.uid()));
revoke all on trading.risk_checks from public, anon, authenticated, service_role;
grant select on trading.risk_checks to authenticated, service_role;

-- A level as the AI wrote it: a number, a numeric string, or nothing. Whatever cannot be a price becomes NaN, so that the
-- rule that refuses it can show what was written.
create function trading.parse_level(p_value jsonb) returns numeric
language plpgsql immutable set search_path = ''
as $$
declare
  v_text  text := nullif(trim(p_value #>> '{}'), '');
  v_value numeric;
begin
  if p_value is null or jsonb_typeof(p_value) = 'null' or (jsonb_typeof(p_value) = 'string' and v_text is null) then
    return null;
  end if;
  if jsonb_typeof(p_value) not in ('number', 'string') or v_text !~ '^[0-9]{1,20}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$' then
    return 'NaN';
  end if;
  v_value := trim_scale(v_text::numeric);
  return case when v_value > 0 and v_value < 1e12 and scale(v_value) <= 18 then v_value else 'NaN' end;
end
$$;
comment on function trading.parse_level is 'A price level from JSON: null when missing, NaN when it cannot be a price (negative, zero, not finite, above 1e12, over 18 decimals, text).';

create function trading.parse_take_profits(p_value jsonb) returns numeric[]
language plpgsql immutable set search_path = ''
as $$
begin
  return (
    select coalesce(array_agg(distinct l.level order by l.level), '{}')
    from (
      select trading.parse_level(e.value) as level
      from jsonb_array_elements(case when jsonb_typeof(p_value) = 'array' then p_value
                                     when p_value is null or jsonb_typeof(p_value) = 'null' then '[]'
                                     else jsonb_build_array(p_value) end) as e (value)
      limit 11
    ) l
    where l.level is not null
  );
end
$$;
comment on function trading.parse_take_profits is 'Take profits from JSON (one or a list), ascending and distinct; NaN marks an unusable one.';

-- The quote a paper order meets: the newest one at that moment, else the current price (history is short).
create function trading.quote_at(p_symbol text, p_at timestamptz) returns trading.quotes
language plpgsql stable set search_path = ''
as $$
declare
  v_quote trading.quotes;
begin
  select * into v_quote from trading.quotes q
  where q.symbol = p_symbol and q.observed_at <= p_at order by q.observed_at desc limit 1;
  if not found then
    select m.symbol, m.observed_at, m.bid, m.bid_quantity, m.ask, m.ask_quantity, m.last, m.high, m.low, null,
           md5(concat_ws('|', m.symbol, extract(epoch from m.observed_at), m.bid, m.ask))
    into v_quote from public.market_prices m where m.symbol = p_symbol;
  end if;
  return v_quote;
end
$$;
comment on function trading.quote_at is 'The quote of a symbol in force at p_at, or the current one where the history does not reach; all null if there is none.';

-- Levels, order and size of an entry, from the signal, the trader's defaults, the exchange's filters and the market.
create function trading.shape_entry(
  p_signal public.signals, p_trader public.traders, p_instrument public.instruments, p_quote trading.quotes,
  p_equity numeric, p_max_position numeric, p_taker_fee numeric
) returns jsonb
language plpgsql immutable set search_path = ''
as $$
declare
  v_is_limit   boolean := p_trader.entry_order_type = 'limit';
  v_entry      numeric := trading.parse_level(p_signal.levels -> 'entry');
  v_stop       numeric := trading.parse_level(p_signal.levels -> 'stopLoss');
  v_targets    numeric[] := trading.parse_take_profits(p_signal.levels -> 'takeProfit');
  v_tick       numeric := p_instrument.tick_size;
  v_price      numeric;
  v_reference  numeric;
  v_notional   numeric;
  v_quantity   numeric;
  v_unit_loss  numeric;
  v_kept       numeric := (1 - p_taker_fee) * (1 - p_taker_fee);
begin
  v_reference := case when v_is_limit then v_entry else p_quote.ask end;
  v_price := case
    when v_is_limit then trading.floor_to_step(nullif(v_entry, 'NaN'), v_tick)
    else greatest(trading.floor_to_step(p_quote.ask * (1 + p_trader.max_slippage_percent / 100), v_tick), p_quote.ask)
  end;
  -- The safe side of a stop is the nearer one, of a target the farther one.
  v_stop := coalesce(v_stop, v_reference * (1 - p_trader.default_stop_percent / 100));
  v_stop := case when v_stop = 'NaN' then v_stop else trading.ceil_to_step(v_stop, v_tick) end;
  if cardinality(v_targets) = 0 and p_trader.default_take_profit_percent is not null and v_reference is not null then
    v_targets := array[v_reference * (1 + p_trader.default_take_profit_percent / 100)];
  end if;
  v_targets := array(select case when t = 'NaN' then t else trading.ceil_to_step(t, v_tick) end from unnest(v_targets) t);

  if v_price > 0 then
    v_unit_loss := v_price - nullif(v_stop, 'NaN') * v_kept;
    v_notional := case p_trader.sizing_method
      when 'fixed_quote' then p_trader.sizing_value
      when 'equity_percent' then p_equity * p_trader.sizing_value / 100
      -- A size derived from risk is a wish, not an order: the position limit caps it instead of refusing it.
      else case when v_unit_loss > 0 then
        least(trading.divide_half_even(p_equity * p_trader.sizing_value / 100 * v_price, v_unit_loss), p_max_position) end
    end;
    -- In two steps: around a call of a function the rounding would not be inlined.
    v_quantity := trading.divide_half_even(v_notional, v_price);
    v_quantity := trading.floor_to_step(v_quantity, p_instrument.lot_step);
  end if;
  return jsonb_build_object(
    'order_type', p_trader.entry_order_type, 'entry', v_entry, 'reference', v_reference, 'price', v_price, 'stop', v_stop,
    'take_profits', to_jsonb(v_targets), 'quantity', trim_scale(v_quantity), 'notional', trim_scale(v_quantity * v_price),
    'max_loss', trim_scale(v_quantity * v_unit_loss), 'reward', trim_scale(v_quantity * (nullif(v_targets[1], 'NaN') * v_kept - v_price)),
    'exit_notional', trading.floor_to_step(v_quantity * (1 - p_taker_fee), p_instrument.lot_step) * nullif(v_stop, 'NaN'),
    'exit_filter', trading.filter_violation(p_instrument, 'SELL', 'MARKET',
      trading.floor_to_step(v_quantity * (1 - p_taker_fee), p_instrument.lot_step), null, null, nullif(v_stop, 'NaN')),
    'filter', trading.filter_violation(p_instrument, 'BUY', 'LIMIT', coalesce(v_quantity, 0), v_price, null, p_quote.last));
end
$$;
comment on function trading.shape_entry is
  'Price (a limit, or the cap of a market entry), stop, targets and quantity of an entry as JSON; what cannot be computed is null, what cannot be a price is "NaN".';

reset role;
