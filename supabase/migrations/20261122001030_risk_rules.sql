-- Purpose: every entry rule, evaluated on one set of facts.
-- Locks:   none.

set role fillbase_engine;

create type trading.entry_inputs as (
  mode text, trader_enabled boolean, auto_execute boolean, required_tier text, tier text, has_venue boolean, stage_allows boolean, is_quarantined boolean, guards_in_symbol int, max_algo_orders int, side text, trading_state text, locks jsonb,
  decision_age_ms numeric, signal_ttl_ms numeric, confidence numeric,
  symbol text, symbol_known boolean, symbol_status text, quote_asset text,
  bid numeric, ask numeric, price_age_ms numeric, max_price_age_ms numeric, held_price_age_ms numeric, held_price_age_all_ms numeric,
  levels_readable boolean, order_type text, entry numeric, price numeric, stop numeric, take_profits numeric[], quantity numeric, notional numeric,
  max_loss numeric, reward numeric, exit_notional numeric, exit_filter text, notional_min numeric, filter text,
  cash numeric, reserved numeric, equity numeric, equity_all numeric, exposure numeric, exposure_all numeric,
  open_positions int, open_positions_all int, open_in_symbol int, open_in_symbol_all int,
  loss_now numeric, loss_now_all numeric, loss_at_stops numeric, loss_at_stops_all numeric, peak_equity numeric, peak_equity_all numeric,
  loss_streak int, loss_streak_all int, since_entry_ms numeric, since_entry_all_ms numeric, limits jsonb, limits_all jsonb
);
comment on type trading.entry_inputs is 'The facts an entry is judged by, in quote, milliseconds and percent; _all: of all the user''s traders of that mode.';

create type trading.rule_result as (rule text, code text, passed boolean, observed text, limit_value text, message text, is_retryable boolean);
comment on type trading.rule_result is 'What one rule says: passed null stands for data that is missing, and is no.';

-- What a loss limit in quote and one in percent of equity allow together. Percent of what is not known is not known.
create function trading.daily_loss_limit(p_limits public.risk_limits, p_equity numeric) returns numeric
language sql immutable parallel safe
return case
  when p_limits.max_daily_loss_percent is null then p_limits.max_daily_loss_quote
  when p_equity is not null then least(p_limits.max_daily_loss_quote, p_equity * p_limits.max_daily_loss_percent / 100)
end;
comment on function trading.daily_loss_limit is 'The daily loss in quote at which limits trip; null: none, or equity is needed and unknown.';

create function trading.limits_daily_loss(p_limits public.risk_limits) returns boolean
language sql immutable parallel safe
return num_nonnulls(p_limits.max_daily_loss_quote, p_limits.max_daily_loss_percent) > 0;
comment on function trading.limits_daily_loss is 'Whether these limits bound the loss of a day.';

-- May this trader enter anything at all?
create function trading.standing_rules(p_facts trading.entry_inputs, p_own public.risk_limits, p_all public.risk_limits) returns setof trading.rule_result
language plpgsql immutable set search_path = ''
as $$
declare
  f alias for p_facts;
  l alias for p_own;
  a alias for p_all;
begin
  return query select * from (values
    ('venue', 'live_not_available', f.has_venue, f.mode, 'an account',
      'live trading needs an exchange account with an active key', false),
    ('stage', 'stage_forbids_live', f.stage_allows, f.stage_allows::text, 'true',
      'the user''s rollout stage does not allow live trading', false),
    ('quarantine', 'symbol_quarantined', not f.is_quarantined, f.is_quarantined::text, 'false',
      'the books of this symbol do not agree with the exchange', false),
    ('trader_enabled', 'trader_disabled', f.trader_enabled, f.trader_enabled::text, 'true', 'the trader is switched off', false),
    ('auto_execute', 'auto_execute_off', f.auto_execute, f.auto_execute::text, 'true',
      'the trader does not execute by itself (auto_execute_trades is off)', false),
    ('tier', 'tier_required', f.required_tier is null or array_position('{free,pro,elite}', f.tier) >= array_position('{free,pro,elite}', f.required_tier),
      f.tier, f.required_tier, 'automatic execution needs an active subscription of a higher tier', false),
    ('limits_present', 'no_risk_limits', f.limits is not null and num_nonnulls(l.max_position_quote, l.max_position_percent, l.max_exposure_quote,
        l.max_exposure_percent, l.max_open_positions, a.max_position_quote, a.max_position_percent, a.max_exposure_quote, a.max_exposure_percent,
        a.max_open_positions) > 0,
      case when f.limits is null then 'none' else 'a row' end, 'a limit', 'a trader whose positions nothing limits cannot trade', false),
    ('trading_state', 'trading_not_active', f.trading_state = 'active', f.trading_state, 'active', 'trading is paused or halted', false),
    ('lock', coalesce(f.locks #>> '{0,code}', 'locks_unknown'), f.locks = '[]', f.locks #>> '{0,until}', 'no lock',
      'a protection keeps entries locked until the time it shows', false),
    ('consecutive_losses', 'consecutive_losses', l.max_consecutive_losses is null or f.loss_streak < l.max_consecutive_losses,
      f.loss_streak::text, l.max_consecutive_losses::text, 'the trader lost as many times in a row as allowed', false),
    ('consecutive_losses_all', 'consecutive_losses_all', a.max_consecutive_losses is null or f.loss_streak_all < a.max_consecutive_losses,
      f.loss_streak_all::text, a.max_consecutive_losses::text, 'all traders together lost as many times in a row as allowed', false),
    ('order_interval', 'order_interval', l.min_order_interval_seconds is null or f.since_entry_ms >= l.min_order_interval_seconds * 1000,
      f.since_entry_ms::text, (l.min_order_interval_seconds * 1000)::text, 'the trader''s last entry is too recent (ms)', false),
    ('order_interval_all', 'order_interval_all', a.min_order_interval_seconds is null or f.since_entry_all_ms >= a.min_order_interval_seconds * 1000,
      f.since_entry_all_ms::text, (a.min_order_interval_seconds * 1000)::text, 'the last entry of any trader is too recent (ms)', false)
  ) as r;
end
$$;

-- Is the decision usable, and is there a market for it?
create function trading.market_rules(p_facts trading.entry_inputs, p_own public.risk_limits, p_all public.risk_limits) returns setof trading.rule_result
language plpgsql immutable set search_path = ''
as $$
declare
  f alias for p_facts;
  l alias for p_own;
  a alias for p_all;
begin
  return query select * from (values
    ('side', 'short_not_supported', f.side = 'long', f.side, 'long', 'Spot only: a short cannot be opened', false),
    ('confidence', 'confidence_invalid', f.confidence is null or (f.confidence between 0 and 100 and f.confidence <> 'NaN'), f.confidence::text,
      '0..100', 'the confidence is not a number from 0 to 100', false),
    ('min_confidence', 'confidence_too_low', greatest(l.min_confidence, a.min_confidence) is null
        or (f.confidence <> 'NaN' and f.confidence >= greatest(l.min_confidence, a.min_confidence)),
      f.confidence::text, greatest(l.min_confidence, a.min_confidence)::text, 'the confidence is below the limit', false),
    ('symbol_known', 'symbol_unknown', f.symbol_known, f.symbol, 'listed', 'the exchange does not list this symbol', false),
    ('quote_asset', 'quote_asset_not_usdt', f.quote_asset = 'USDT', f.quote_asset, 'USDT', 'only symbols quoted in USDT are traded', false),
    ('symbol_status', 'symbol_not_trading', f.symbol_status = 'TRADING', f.symbol_status, 'TRADING', 'the exchange does not trade this symbol now', false),
    ('price_present', 'price_missing', f.ask > 0 and f.bid > 0, f.ask::text, 'a price', 'there is no price for this symbol yet', true),
    ('price_age', 'price_stale', f.price_age_ms between -5000 and f.max_price_age_ms, f.price_age_ms::text, f.max_price_age_ms::text,
      'the newest price is too old, or the clock was ahead when it came (ms)', true),
    -- A loss that is measured at old prices is not known.
    ('held_price_age', 'held_price_stale',
      (f.held_price_age_ms <= f.max_price_age_ms or not (trading.limits_daily_loss(l) or l.max_drawdown_percent is not null))
        and (f.held_price_age_all_ms <= f.max_price_age_ms or not (trading.limits_daily_loss(a) or a.max_drawdown_percent is not null)),
      greatest(f.held_price_age_ms, f.held_price_age_all_ms)::text, f.max_price_age_ms::text,
      'the price of something that is held is too old to know the loss (ms)', true),
    ('signal_age', 'signal_stale', f.decision_age_ms <= f.signal_ttl_ms, f.decision_age_ms::text, f.signal_ttl_ms::text,
      'the decision is older than the trader allows (ms)', false),
    ('spread', 'spread_too_wide', least(l.max_spread_percent, a.max_spread_percent) is null
        or (f.ask - f.bid) * 200 <= least(l.max_spread_percent, a.max_spread_percent) * (f.ask + f.bid),
      round((f.ask - f.bid) * 200 / nullif(f.ask + f.bid, 0), 6)::text, least(l.max_spread_percent, a.max_spread_percent)::text,
      'the spread is wider than allowed (percent of the mid price)', false)
  ) as r;
end
$$;

-- Do the levels make sense, and would the exchange take the order and its exit?
create function trading.level_rules(p_facts trading.entry_inputs, p_own public.risk_limits, p_all public.risk_limits) returns setof trading.rule_result
language plpgsql immutable set search_path = ''
as $$
declare
  f alias for p_facts;
  l alias for p_own;
  a alias for p_all;
  v_stop numeric := nullif(f.stop, 'NaN');
begin
  return query select * from (values
    ('levels', 'levels_invalid', f.levels_readable and f.entry is distinct from 'NaN' and f.stop is distinct from 'NaN'
        and not ('NaN' = any (f.take_profits)) and cardinality(f.take_profits) <= 10,
      concat_ws(' ', 'entry', f.entry, 'stop', f.stop, 'targets', f.take_profits::text), 'prices',
      'a level is not a price (positive, finite, below 1e12, at most 18 decimals; at most 10 targets)', false),
    ('entry_price', 'entry_price_missing', f.order_type <> 'limit' or f.entry is not null, f.entry::text, 'a price',
      'a limit entry needs the signal''s entry price', false),
    ('stop_present', 'stop_missing', f.stop is not null, f.stop::text, 'a stop', 'neither the signal nor the trader names a stop', false),
    ('stop_side', 'stop_not_below_entry', f.stop <> 'NaN' and f.stop < least(f.price, nullif(f.entry, 'NaN')) and (f.order_type = 'limit' or f.stop < f.bid),
      f.stop::text, least(f.price, nullif(f.entry, 'NaN'), f.bid)::text, 'the stop must lie below the entry and the market', false),
    -- Above the market (or the limit), and above the entry that the signal names; what cannot be compared is not above.
    ('target_side', 'target_not_above_entry', f.take_profits is not null and not exists (select from unnest(f.take_profits) t
        where t is distinct from 'NaN' and (t > case when f.order_type = 'limit' then f.price else f.ask end
          and coalesce(t > nullif(f.entry, 'NaN'), true)) is not true),
      f.take_profits::text, greatest(f.price, nullif(f.entry, 'NaN'))::text, 'every target must lie above the entry', false),
    ('stop_distance', 'stop_too_far', least(l.max_stop_distance_percent, a.max_stop_distance_percent) is null
        or (f.price - v_stop) * 100 <= least(l.max_stop_distance_percent, a.max_stop_distance_percent) * f.price,
      round((f.price - v_stop) * 100 / f.price, 4)::text, least(l.max_stop_distance_percent, a.max_stop_distance_percent)::text,
      'the stop is farther from the entry than allowed (percent)', false),
    ('reward_risk', 'reward_risk_too_low', greatest(l.min_reward_risk, a.min_reward_risk) is null
        or f.reward >= f.max_loss * greatest(l.min_reward_risk, a.min_reward_risk),
      round(f.reward / nullif(f.max_loss, 0), 4)::text, greatest(l.min_reward_risk, a.min_reward_risk)::text,
      'the nearest target gains too little for what the stop loses, after fees', false),
    ('price_deviation', 'price_deviation', least(l.max_price_deviation_percent, a.max_price_deviation_percent) is null
        or abs(f.price - f.ask) * 100 <= least(l.max_price_deviation_percent, a.max_price_deviation_percent) * f.ask,
      round(abs(f.price - f.ask) * 100 / f.ask, 6)::text, least(l.max_price_deviation_percent, a.max_price_deviation_percent)::text,
      'the order''s price is farther from the market than allowed (percent)', false),
    ('entry_deviation', 'entry_deviation', least(l.max_entry_deviation_percent, a.max_entry_deviation_percent) is null
        or abs(f.ask - nullif(f.entry, 'NaN')) * 100 <= least(l.max_entry_deviation_percent, a.max_entry_deviation_percent) * f.entry,
      round(abs(f.ask - nullif(f.entry, 'NaN')) * 100 / f.entry, 6)::text, least(l.max_entry_deviation_percent, a.max_entry_deviation_percent)::text,
      'the market has moved farther from the signal''s entry than allowed, or the signal names none (percent)', false),
    ('filters', 'filter_' || lower(coalesce(f.filter, 'unknown')), f.quantity > 0 and f.filter is null, coalesce(f.filter, 'none'), 'none',
      'the exchange would refuse the order: filter ' || coalesce(f.filter, 'not checked'), false),
    -- One slot stays free, because a stop that moves is placed before the old one is surely gone.
    ('guard_slot', 'guard_slots_used', f.guards_in_symbol < coalesce(f.max_algo_orders, 5) - 1, f.guards_in_symbol::text,
      (coalesce(f.max_algo_orders, 5) - 1)::text, 'the exchange would not let another stop rest in this symbol on this account', false),
    ('exitable', 'not_exitable', f.exit_notional >= f.notional_min and f.exit_filter is null, concat_ws(' ', f.exit_notional, f.exit_filter),
      f.notional_min::text, 'after fees the position could not be sold at its stop in one market order', false)
  ) as r;
end
$$;

-- Is it too large, alone or with what is there already?
create function trading.size_rules(p_facts trading.entry_inputs, p_own public.risk_limits, p_all public.risk_limits) returns setof trading.rule_result
language plpgsql immutable set search_path = ''
as $$
declare
  f alias for p_facts;
  l alias for p_own;
  a alias for p_all;
begin
  return query select * from (values
    ('max_order', 'max_order', f.notional <= least(l.max_order_quote, a.max_order_quote) or least(l.max_order_quote, a.max_order_quote) is null,
      f.notional::text, least(l.max_order_quote, a.max_order_quote)::text, 'the order is larger than any order may be', false),
    ('max_position', 'max_position', least(l.max_position_quote, a.max_position_quote) is null or f.notional <= least(l.max_position_quote, a.max_position_quote),
      f.notional::text, least(l.max_position_quote, a.max_position_quote)::text, 'the position would be larger than allowed', false),
    ('max_position_percent', 'max_position_percent', least(l.max_position_percent, a.max_position_percent) is null
        or f.notional * 100 <= f.equity * least(l.max_position_percent, a.max_position_percent),
      f.notional::text, (f.equity * least(l.max_position_percent, a.max_position_percent) / 100)::text,
      'the position would be a larger part of equity than allowed', false),
    ('min_position', 'min_position', f.notional >= greatest(l.min_position_quote, a.min_position_quote), f.notional::text,
      greatest(l.min_position_quote, a.min_position_quote)::text, 'the position would be smaller than allowed', false),
    ('max_loss', 'max_loss', least(l.max_loss_per_position, a.max_loss_per_position) is null or f.max_loss <= least(l.max_loss_per_position, a.max_loss_per_position),
      f.max_loss::text, least(l.max_loss_per_position, a.max_loss_per_position)::text, 'the position would lose more at its stop than allowed', false),
    ('exposure', 'max_exposure', l.max_exposure_quote is null or f.exposure + f.notional <= l.max_exposure_quote,
      (f.exposure + f.notional)::text, l.max_exposure_quote::text, 'the trader''s total exposure would pass its limit', false),
    ('exposure_percent', 'max_exposure_percent', l.max_exposure_percent is null or (f.exposure + f.notional) * 100 <= f.equity * l.max_exposure_percent,
      (f.exposure + f.notional)::text, (f.equity * l.max_exposure_percent / 100)::text, 'the trader''s total exposure would pass its share of equity', false),
    ('exposure_all', 'max_exposure_all', a.max_exposure_quote is null or f.exposure_all + f.notional <= a.max_exposure_quote,
      (f.exposure_all + f.notional)::text, a.max_exposure_quote::text, 'the total exposure of all traders would pass the account-wide limit', false),
    ('exposure_percent_all', 'max_exposure_percent_all', a.max_exposure_percent is null or (f.exposure_all + f.notional) * 100 <= f.equity_all * a.max_exposure_percent,
      (f.exposure_all + f.notional)::text, (f.equity_all * a.max_exposure_percent / 100)::text,
      'the total exposure of all traders would pass its share of their equity', false),
    ('open_positions', 'max_open_positions', l.max_open_positions is null or f.open_positions < l.max_open_positions,
      f.open_positions::text, l.max_open_positions::text, 'the trader holds as many positions as allowed', false),
    ('open_positions_all', 'max_open_positions_all', a.max_open_positions is null or f.open_positions_all < a.max_open_positions,
      f.open_positions_all::text, a.max_open_positions::text, 'all traders together hold as many positions as allowed', false),
    ('open_in_symbol', 'max_open_positions_per_symbol', l.max_open_positions_per_symbol is null or f.open_in_symbol < l.max_open_positions_per_symbol,
      f.open_in_symbol::text, l.max_open_positions_per_symbol::text, 'the trader holds as many positions in this symbol as allowed', false),
    ('open_in_symbol_all', 'max_open_positions_per_symbol_all', a.max_open_positions_per_symbol is null or f.open_in_symbol_all < a.max_open_positions_per_symbol,
      f.open_in_symbol_all::text, a.max_open_positions_per_symbol::text, 'all traders together hold as many positions in this symbol as allowed', false),
    ('balance', 'insufficient_balance', f.notional <= f.cash - f.reserved, f.notional::text, (f.cash - f.reserved)::text,
      'the account has less free cash than the order would need', false)
  ) as r;
end
$$;

-- One scope's loss rules: the loss that is there, the one that would be if every stop were hit, and the fall from the peak.
create function trading.loss_rules(
  p_limits public.risk_limits, p_suffix text, p_whose text, p_loss_now numeric, p_loss_at_stops numeric, p_max_loss numeric, p_equity numeric,
  p_peak_equity numeric
) returns setof trading.rule_result
language plpgsql immutable set search_path = ''
as $$
declare
  v_daily   numeric := trading.daily_loss_limit(p_limits, p_equity);
  v_is_free boolean := not trading.limits_daily_loss(p_limits);
begin
  return query select * from (values
    ('daily_loss' || p_suffix, 'daily_loss' || p_suffix, v_is_free or p_loss_now < v_daily, trading.money_text(p_loss_now), trading.money_text(v_daily),
      'today''s loss of ' || p_whose || ' has reached its limit', false),
    ('daily_loss_at_stops' || p_suffix, 'daily_loss_at_stops' || p_suffix, v_is_free or p_loss_at_stops + p_max_loss <= v_daily,
      trading.money_text(p_loss_at_stops + p_max_loss), trading.money_text(v_daily),
      'today''s loss of ' || p_whose || ' would pass its limit if every stop were hit, this one included', false),
    ('drawdown' || p_suffix, 'drawdown' || p_suffix,
      p_limits.max_drawdown_percent is null or (p_peak_equity - p_equity) * 100 < p_limits.max_drawdown_percent * p_peak_equity,
      round((p_peak_equity - p_equity) * 100 / nullif(p_peak_equity, 0), 6)::text, p_limits.max_drawdown_percent::text,
      'the equity of ' || p_whose || ' has fallen from its peak by as much as allowed (percent)', false)
  ) as r;
end
$$;

-- All rules on one set of facts. Pure, so a stored verdict can be replayed. A rule whose data is missing fails; it may be
-- tried again while the signal lives if is_retryable says that time can mend it.
create function trading.evaluate_entry(p_facts jsonb)
returns table (rule text, code text, passed boolean, observed text, limit_value text, message text, is_retryable boolean)
language plpgsql immutable set search_path = ''
as $$
declare
  f trading.entry_inputs := jsonb_populate_record(null::trading.entry_inputs, p_facts);
  l public.risk_limits   := jsonb_populate_record(null::public.risk_limits, coalesce(f.limits, '{}'));
  a public.risk_limits   := jsonb_populate_record(null::public.risk_limits, coalesce(f.limits_all, '{}'));
begin
  return query
    select r.rule, r.code, coalesce(r.passed, false), r.observed, r.limit_value, r.message, r.is_retryable
    from (
      select * from trading.standing_rules(f, l, a)
      union all select * from trading.market_rules(f, l, a)
      union all select * from trading.level_rules(f, l, a)
      union all select * from trading.size_rules(f, l, a)
      union all select * from trading.loss_rules(l, '', 'the trader', f.loss_now, f.loss_at_stops, f.max_loss, f.equity, f.peak_equity)
      union all select * from trading.loss_rules(a, '_all', 'all traders', f.loss_now_all, f.loss_at_stops_all, f.max_loss, f.equity_all,
        f.peak_equity_all)
    ) r;
end
$$;
comment on function trading.evaluate_entry is
  'Every entry rule on p_facts (trading.entry_facts): rule, code, passed, observed, limit_value, message, is_retryable. Order is precedence: the first failed rule names the denial.';

reset role;
