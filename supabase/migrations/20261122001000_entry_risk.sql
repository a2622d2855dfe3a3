-- Purpose: what an entry is judged by: levels, size, facts, one evaluation of all rules, and the stored verdicts.
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
  checked_at    timestamptz not null,
  constraint risk_checks_denial_explained check (passed = (code is null))
);
comment on table  trading.risk_checks is 'One row per verdict: every rule with its value and limit, and the facts it was computed from.';
comment on column trading.risk_checks.facts is 'All inputs: trading.evaluate_entry(facts) gives the same rules again.';
create index risk_checks_signal_id_idx on trading.risk_checks (signal_id);
create index risk_checks_portfolio_id_idx on trading.risk_checks (portfolio_id, checked_at);
create index risk_checks_user_id_idx on trading.risk_checks (user_id, checked_at);
alter table trading.risk_checks enable row level security;
create policy risk_checks_select_service on trading.risk_checks for select to service_role using (true);
revoke all on trading.risk_checks from public, anon, authenticated, service_role;
grant select on trading.risk_checks to service_role;

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

-- Cash, exposure and counts as they are in this statement; the caller holds the portfolio''s lock when it matters.
create function trading.portfolio_facts(p_portfolio_id uuid, p_account_id uuid, p_symbol text) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'cash', coalesce((select b.amount from trading.balances b
                        where b.account_id = p_account_id and b.asset = 'USDT' and b.bucket = 'cash'), 0),
      'reserved', coalesce(r.account_reserved, 0),
      'exposure', coalesce(p.account_cost, 0) + coalesce(r.account_reserved, 0),
      'exposure_all', coalesce(p.cost, 0) + coalesce(r.reserved, 0),
      'open_positions', coalesce(p.account_count, 0),
      'open_positions_all', coalesce(p.count, 0),
      'open_in_symbol', coalesce(p.account_symbol_count, 0),
      'open_in_symbol_all', coalesce(p.symbol_count, 0),
      'positions_value', coalesce(p.account_value, 0),
      'equity_all', coalesce(p.value, 0) + coalesce((
        select sum(b.amount) from trading.accounts c join trading.balances b on b.account_id = c.id and b.asset = 'USDT' and b.bucket = 'cash'
        where c.portfolio_id = p_portfolio_id), 0))
    from (
      select sum(o.cost) as cost, count(*) as count, count(*) filter (where o.symbol = p_symbol) as symbol_count,
        sum(o.cost) filter (where o.account_id = p_account_id) as account_cost,
        count(*) filter (where o.account_id = p_account_id) as account_count,
        count(*) filter (where o.account_id = p_account_id and o.symbol = p_symbol) as account_symbol_count,
        sum(o.quantity * m.bid) as value, sum(o.quantity * m.bid) filter (where o.account_id = p_account_id) as account_value
      from public.positions o left join public.market_prices m on m.symbol = o.symbol
      where o.portfolio_id = p_portfolio_id and o.status not in ('closed', 'failed')
    ) p, (
      select sum(v.amount) as reserved, sum(v.amount) filter (where v.account_id = p_account_id) as account_reserved
      from trading.reservations v
      where v.portfolio_id = p_portfolio_id and v.released_at is null and v.side = 'BUY'
    ) r
  );
end
$$;
comment on function trading.portfolio_facts is 'Cash, reservations, exposure at cost and open positions of an account and of its whole portfolio, in quote.';

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
    v_unit_loss := v_price - nullif(v_stop, 'NaN') * (1 - p_taker_fee) * (1 - p_taker_fee);
    v_notional := case p_trader.sizing_method
      when 'fixed_quote' then p_trader.sizing_value
      when 'equity_percent' then p_equity * p_trader.sizing_value / 100
      -- A size derived from risk is a wish, not an order: the position limit caps it instead of refusing it.
      else case when v_unit_loss > 0 then
        least(trading.divide_half_even(p_equity * p_trader.sizing_value / 100 * v_price, v_unit_loss), p_max_position) end
    end;
    v_quantity := trading.floor_to_step(trading.divide_half_even(v_notional, v_price), p_instrument.lot_step);
  end if;
  return jsonb_build_object(
    'order_type', p_trader.entry_order_type, 'entry', v_entry, 'reference', v_reference, 'price', v_price, 'stop', v_stop,
    'take_profits', to_jsonb(v_targets), 'quantity', trim_scale(v_quantity), 'notional', trim_scale(v_quantity * v_price),
    'max_loss', trim_scale(v_quantity * v_unit_loss),
    'exit_notional', trading.floor_to_step(v_quantity * (1 - p_taker_fee), p_instrument.lot_step) * nullif(v_stop, 'NaN'),
    'exit_filter', trading.filter_violation(p_instrument, 'SELL', 'MARKET',
      trading.floor_to_step(v_quantity * (1 - p_taker_fee), p_instrument.lot_step), null, null, nullif(v_stop, 'NaN')),
    'filter', trading.filter_violation(p_instrument, 'BUY', 'LIMIT', coalesce(v_quantity, 0), v_price, null, p_quote.last));
end
$$;
comment on function trading.shape_entry is
  'Price (a limit, or the cap of a market entry), stop, targets and quantity of an entry as JSON; what cannot be computed is null, what cannot be a price is "NaN".';

-- All rules on one set of facts. Pure, so a stored verdict can be replayed. A rule whose data is missing fails; it may be
-- tried again while the signal lives if is_retryable says that time can mend it.
create function trading.evaluate_entry(p_facts jsonb)
returns table (rule text, code text, passed boolean, observed text, limit_value text, message text, is_retryable boolean)
language plpgsql immutable set search_path = ''
as $$
begin
  return query
    select r.rule, r.code, coalesce(r.passed, false), r.observed, r.limit_value, r.message, r.is_retryable
    from jsonb_to_record(p_facts) as f (
      mode text, trader_enabled boolean, auto_execute boolean, side text, trading_state text,
      decision_age_ms numeric, signal_ttl_ms numeric, confidence numeric,
      symbol text, symbol_known boolean, symbol_status text, quote_asset text,
      bid numeric, ask numeric, price_age_ms numeric, max_price_age_ms numeric,
      levels_readable boolean, order_type text, entry numeric, price numeric, stop numeric, take_profits numeric[], quantity numeric, notional numeric,
      exit_notional numeric, exit_filter text, notional_min numeric, filter text, cash numeric, reserved numeric, equity numeric,
      exposure numeric, exposure_all numeric, equity_all numeric, open_positions int, open_positions_all int, open_in_symbol int,
      open_in_symbol_all int, limits jsonb, limits_all jsonb
    )
    cross join lateral jsonb_to_record(coalesce(f.limits, '{}')) as l (
      max_position_quote numeric, max_position_percent numeric, min_position_quote numeric, max_exposure_quote numeric,
      max_exposure_percent numeric, max_open_positions int, max_open_positions_per_symbol int, max_stop_distance_percent numeric,
      min_confidence numeric
    )
    cross join lateral jsonb_to_record(coalesce(f.limits_all, '{}')) as a (
      max_position_quote numeric, max_position_percent numeric, min_position_quote numeric, max_exposure_quote numeric,
      max_exposure_percent numeric, max_open_positions int, max_open_positions_per_symbol int, max_stop_distance_percent numeric,
      min_confidence numeric
    )
    cross join lateral (values
      ('venue', 'live_not_available', f.mode = 'paper', f.mode, 'paper', 'live trading needs an exchange account, which this installation does not have', false),
      ('trader_enabled', 'trader_disabled', f.trader_enabled, f.trader_enabled::text, 'true', 'the trader is switched off', false),
      ('auto_execute', 'auto_execute_off', f.auto_execute, f.auto_execute::text, 'true', 'the trader does not execute by itself (auto_execute_trades is off)', false),
      ('limits_present', 'no_risk_limits', f.limits is not null and num_nonnulls(l.max_position_quote, l.max_position_percent, l.max_exposure_quote,
        l.max_exposure_percent, l.max_open_positions, a.max_position_quote, a.max_position_percent, a.max_exposure_quote, a.max_exposure_percent,
        a.max_open_positions) > 0,
      case when f.limits is null then 'none' else 'a row' end, 'a limit', 'a trader whose positions nothing limits cannot trade', false),
    ('trading_state', 'trading_not_active', f.trading_state = 'active', f.trading_state, 'active', 'trading is paused or halted', false),
      ('side', 'short_not_supported', f.side = 'long', f.side, 'long', 'Spot only: a short cannot be opened', false),
      ('confidence', 'confidence_invalid', f.confidence is null or (f.confidence between 0 and 100 and f.confidence <> 'NaN'), f.confidence::text, '0..100', 'the confidence is not a number from 0 to 100', false),
      ('min_confidence', 'confidence_too_low', greatest(l.min_confidence, a.min_confidence) is null or (f.confidence <> 'NaN' and f.confidence >= greatest(l.min_confidence, a.min_confidence)), f.confidence::text, greatest(l.min_confidence, a.min_confidence)::text, 'the confidence is below the limit', false),
      ('symbol_known', 'symbol_unknown', f.symbol_known, f.symbol, 'listed', 'the exchange does not list this symbol', false),
      ('quote_asset', 'quote_asset_not_usdt', f.quote_asset = 'USDT', f.quote_asset, 'USDT', 'only symbols quoted in USDT are traded', false),
      ('symbol_status', 'symbol_not_trading', f.symbol_status = 'TRADING', f.symbol_status, 'TRADING', 'the exchange does not trade this symbol now', false),
      ('price_present', 'price_missing', f.ask > 0 and f.bid > 0, f.ask::text, 'a price', 'there is no price for this symbol yet', true),
      ('price_age', 'price_stale', f.price_age_ms <= f.max_price_age_ms, f.price_age_ms::text, f.max_price_age_ms::text, 'the newest price is too old (ms)', true),
      ('signal_age', 'signal_stale', f.decision_age_ms <= f.signal_ttl_ms, f.decision_age_ms::text, f.signal_ttl_ms::text, 'the decision is older than the trader allows (ms)', false),
      ('levels', 'levels_invalid', f.levels_readable and f.entry is distinct from 'NaN' and f.stop is distinct from 'NaN' and not ('NaN' = any (f.take_profits)) and cardinality(f.take_profits) <= 10,
        concat_ws(' ', 'entry', f.entry, 'stop', f.stop, 'targets', f.take_profits::text), 'prices', 'a level is not a price (positive, finite, below 1e12, at most 18 decimals; at most 10 targets)', false),
      ('entry_price', 'entry_price_missing', f.order_type <> 'limit' or f.entry is not null, f.entry::text, 'a price', 'a limit entry needs the signal''s entry price', false),
      ('stop_present', 'stop_missing', f.stop is not null, f.stop::text, 'a stop', 'neither the signal nor the trader names a stop', false),
      ('stop_side', 'stop_not_below_entry', f.stop <> 'NaN' and f.stop < least(f.price, nullif(f.entry, 'NaN')) and (f.order_type = 'limit' or f.stop < f.bid), f.stop::text, least(f.price, nullif(f.entry, 'NaN'), f.bid)::text, 'the stop must lie below the entry and the market', false),
      ('target_side', 'target_not_above_entry', not exists (select from unnest(f.take_profits) t where t <> 'NaN' and t <= greatest(case when f.order_type = 'limit' then f.price else f.ask end, nullif(f.entry, 'NaN'))), f.take_profits::text, greatest(f.price, nullif(f.entry, 'NaN'))::text, 'every target must lie above the entry', false),
      ('stop_distance', 'stop_too_far', least(l.max_stop_distance_percent, a.max_stop_distance_percent) is null or (f.stop <> 'NaN' and (f.price - f.stop) * 100 <= least(l.max_stop_distance_percent, a.max_stop_distance_percent) * f.price), round((f.price - nullif(f.stop, 'NaN')) * 100 / f.price, 4)::text, least(l.max_stop_distance_percent, a.max_stop_distance_percent)::text, 'the stop is farther from the entry than allowed (percent)', false),
      ('filters', 'filter_' || lower(coalesce(f.filter, 'unknown')), f.quantity > 0 and f.filter is null, coalesce(f.filter, 'none'), 'none', 'the exchange would refuse the order: filter ' || coalesce(f.filter, 'not checked'), false),
      ('exitable', 'not_exitable', f.exit_notional >= f.notional_min and f.exit_filter is null, concat_ws(' ', f.exit_notional, f.exit_filter), f.notional_min::text, 'after fees the position could not be sold at its stop in one market order', false),
      ('max_position', 'max_position', least(l.max_position_quote, a.max_position_quote) is null or f.notional <= least(l.max_position_quote, a.max_position_quote), f.notional::text, least(l.max_position_quote, a.max_position_quote)::text, 'the position would be larger than allowed', false),
      ('max_position_percent', 'max_position_percent', least(l.max_position_percent, a.max_position_percent) is null or f.notional * 100 <= f.equity * least(l.max_position_percent, a.max_position_percent), f.notional::text, (f.equity * least(l.max_position_percent, a.max_position_percent) / 100)::text, 'the position would be a larger part of equity than allowed', false),
      ('min_position', 'min_position', f.notional >= greatest(l.min_position_quote, a.min_position_quote), f.notional::text, greatest(l.min_position_quote, a.min_position_quote)::text, 'the position would be smaller than allowed', false),
      ('exposure', 'max_exposure', l.max_exposure_quote is null or f.exposure + f.notional <= l.max_exposure_quote, (f.exposure + f.notional)::text, l.max_exposure_quote::text, 'the trader''s total exposure would pass its limit', false),
      ('exposure_percent', 'max_exposure_percent', l.max_exposure_percent is null or (f.exposure + f.notional) * 100 <= f.equity * l.max_exposure_percent, (f.exposure + f.notional)::text, (f.equity * l.max_exposure_percent / 100)::text, 'the trader''s total exposure would pass its share of equity', false),
      ('exposure_all', 'max_exposure_all', a.max_exposure_quote is null or f.exposure_all + f.notional <= a.max_exposure_quote, (f.exposure_all + f.notional)::text, a.max_exposure_quote::text, 'the total exposure of all traders would pass the account-wide limit', false),
      ('exposure_percent_all', 'max_exposure_percent_all', a.max_exposure_percent is null or (f.exposure_all + f.notional) * 100 <= f.equity_all * a.max_exposure_percent, (f.exposure_all + f.notional)::text, (f.equity_all * a.max_exposure_percent / 100)::text, 'the total exposure of all traders would pass its share of their equity', false),
      ('open_positions', 'max_open_positions', l.max_open_positions is null or f.open_positions < l.max_open_positions, f.open_positions::text, l.max_open_positions::text, 'the trader holds as many positions as allowed', false),
      ('open_positions_all', 'max_open_positions_all', a.max_open_positions is null or f.open_positions_all < a.max_open_positions, f.open_positions_all::text, a.max_open_positions::text, 'all traders together hold as many positions as allowed', false),
      ('open_in_symbol', 'max_open_positions_per_symbol', l.max_open_positions_per_symbol is null or f.open_in_symbol < l.max_open_positions_per_symbol, f.open_in_symbol::text, l.max_open_positions_per_symbol::text, 'the trader holds as many positions in this symbol as allowed', false),
      ('open_in_symbol_all', 'max_open_positions_per_symbol_all', a.max_open_positions_per_symbol is null or f.open_in_symbol_all < a.max_open_positions_per_symbol, f.open_in_symbol_all::text, a.max_open_positions_per_symbol::text, 'all traders together hold as many positions in this symbol as allowed', false),
      ('balance', 'insufficient_balance', f.notional <= f.cash - f.reserved, f.notional::text, (f.cash - f.reserved)::text, 'the account has less free cash than the order would need', false)
    ) as r (rule, code, passed, observed, limit_value, message, is_retryable);
end
$$;
comment on function trading.evaluate_entry is
  'Every entry rule on p_facts (trading.entry_facts): rule, code, passed, observed, limit_value, message, is_retryable. Order is precedence: the first failed rule names the denial.';

create function trading.entry_facts(p_signal public.signals, p_trader public.traders, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_settings   trading.settings;
  v_instrument public.instruments;
  v_newest     public.market_prices;
  v_quote      trading.quotes;
  v_limits     public.risk_limits;
  v_limits_all public.risk_limits;
  v_portfolio  jsonb;
  v_state      record;
  v_equity     numeric;
  v_market_at  timestamptz := p_signal.decided_at;
  v_account_id uuid := trading.paper_account_id(p_trader.id);
  v_mode       text := case when p_trader.paper_trade_mode then 'paper' else 'live' end;
begin
  select * into v_settings from trading.settings;
  select * into v_instrument from public.instruments where symbol = p_signal.symbol;
  select * into v_newest from public.market_prices where symbol = p_signal.symbol;
  -- The order meets the market of its decision; where that is too old, the entry waited and meets the market of now.
  v_quote := trading.quote_at(p_signal.symbol, v_market_at);
  -- So does one that the history no longer reaches back to: a price and its time belong together.
  if v_quote.symbol is null or v_quote.observed_at > v_market_at
    or v_quote.observed_at < v_market_at - make_interval(secs => v_settings.max_price_age_ms / 1000.0) then
    v_market_at := p_now;
    v_quote := trading.quote_at(p_signal.symbol, v_market_at);
  end if;
  select * into v_limits from public.risk_limits where trader_id = p_trader.id;
  select * into v_limits_all from public.risk_limits where user_id = p_trader.user_id and trader_id is null and mode = v_mode;
  v_portfolio := trading.portfolio_facts(trading.portfolio_id(p_trader.user_id, v_mode), v_account_id, p_signal.symbol);
  if not exists (select from trading.accounts where id = v_account_id) then
    v_portfolio := v_portfolio || jsonb_build_object('cash', p_trader.paper_trade_balance,
      'equity_all', (v_portfolio ->> 'equity_all')::numeric + p_trader.paper_trade_balance);
  end if;
  select * into v_state from trading.effective_state(p_trader.user_id, v_account_id);
  v_equity := (v_portfolio ->> 'cash')::numeric + (v_portfolio ->> 'positions_value')::numeric;

  return v_portfolio
    || trading.shape_entry(p_signal, p_trader, v_instrument, v_quote, v_equity,
         least(v_limits.max_position_quote, v_limits_all.max_position_quote), v_settings.paper_taker_fee)
    || jsonb_build_object(
      'now', p_now, 'market_at', v_market_at, 'mode', v_mode, 'trader_enabled', p_trader.enabled, 'auto_execute', p_trader.auto_execute_trades,
      'levels_readable', p_signal.levels is null or jsonb_typeof(p_signal.levels) in ('object', 'null'),
      'side', lower(coalesce(p_signal.levels ->> 'side', p_signal.levels ->> 'direction', 'long')),
      'trading_state', v_state.state, 'confidence', p_signal.confidence,
      'decision_age_ms', trunc(extract(epoch from p_now - p_signal.decided_at) * 1000),
      'signal_ttl_ms', p_trader.signal_ttl_seconds * 1000,
      'symbol', p_signal.symbol, 'symbol_known', v_instrument.symbol is not null, 'symbol_status', v_instrument.status,
      'quote_asset', v_instrument.quote_asset, 'notional_min', v_instrument.notional_min,
      'bid', v_quote.bid, 'ask', v_quote.ask, 'quote_hash', v_quote.hash,
      'price_age_ms', trunc(extract(epoch from p_now - v_newest.observed_at) * 1000),
      'quote_age_ms', trunc(extract(epoch from v_market_at - v_quote.observed_at) * 1000),
      'max_price_age_ms', v_settings.max_price_age_ms, 'equity', v_equity,
      'limits', case when v_limits.id is not null then to_jsonb(v_limits) end,
      'limits_all', case when v_limits_all.id is not null then to_jsonb(v_limits_all) end);
end
$$;
comment on function trading.entry_facts is 'Every input of the entry rules, read in one place: signal, trader, limits, market, filters, money, state.';

create function trading.assess_entry(p_signal public.signals, p_trader public.traders, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  -- Without a price these fail too; that does not make a missing price final.
  c_priced constant text[] := '{stop_side,target_side,stop_present,stop_distance,filters,exitable,max_position,max_position_percent,min_position,exposure,exposure_percent,exposure_all,exposure_percent_all,balance}';
  v_facts   jsonb := trading.entry_facts(p_signal, p_trader, p_now);
  v_rules   jsonb;
  v_failed  text[];
  v_mending text[];
  v_code    text;
  v_message text;
begin
  select jsonb_agg(jsonb_build_object('rule', e.rule, 'passed', e.passed, 'observed', e.observed, 'limit', e.limit_value)
      || case when e.passed then '{}' else jsonb_build_object('code', e.code, 'message', e.message) end order by e.n),
    coalesce(array_agg(e.rule order by e.n) filter (where not e.passed), '{}'),
    coalesce(array_agg(e.rule order by e.n) filter (where not e.passed and e.is_retryable), '{}'),
    (array_agg(e.code order by e.n) filter (where not e.passed))[1],
    (array_agg(e.message order by e.n) filter (where not e.passed))[1]
  into v_rules, v_failed, v_mending, v_code, v_message
  from trading.evaluate_entry(v_facts) with ordinality as e (rule, code, passed, observed, limit_value, message, is_retryable, n);
  return jsonb_build_object('facts', v_facts, 'rules', v_rules, 'passed', cardinality(v_failed) = 0, 'code', v_code, 'message', v_message,
    'is_retryable', cardinality(v_mending) > 0
      and v_failed <@ (v_mending || case when 'price_present' = any (v_failed) then c_priced else '{}' end));
end
$$;
comment on function trading.assess_entry is 'Facts, every rule and the verdict of an entry as JSON: {facts, rules, passed, code, message, is_retryable}. Writes nothing.';

reset role;
