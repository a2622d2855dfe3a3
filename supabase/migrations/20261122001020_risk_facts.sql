-- Purpose: the facts an entry is judged by, read in few statements.
-- Locks:   none.

set role fillbase_engine;

-- Money, exposure, losses and counts as they are in this statement; the caller holds the portfolio's lock when it matters.
-- Each source is read once for the trader's own scope and its portfolio together. Money is the account's, risk the scope's:
-- live traders that share an account have one cash and one equity, and each its own exposure and losses.
create function trading.portfolio_facts(p_portfolio_id uuid, p_account_id uuid, p_scope_id uuid, p_symbol text, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'account_known', m.capital is not null, 'cash', coalesce(m.cash, 0), 'capital', coalesce(m.capital, 0), 'capital_all', coalesce(m.capital_all, 0),
      'equity', coalesce(m.cash, 0) + case when p_scope_id = p_account_id then h.value else h.value_all end + d.value, 'equity_all', coalesce(m.cash_all, 0) + h.value_all + d.value_all,
      'reserved', p.reserved_cash, 'exposure', h.cost + p.reserved, 'exposure_all', h.cost_all + p.reserved_all,
      'open_positions', h.count, 'open_positions_all', h.count_all, 'open_in_symbol', h.symbol_count, 'open_in_symbol_all', h.symbol_count_all,
      'held_priced_at', h.priced_at, 'held_priced_at_all', h.priced_at_all,
      'loss_now', h.loss_now - t.own, 'loss_now_all', h.loss_now_all - t.total,
      'loss_at_stops', h.loss_at_stop + p.loss_at_stop - t.own, 'loss_at_stops_all', h.loss_at_stop_all + p.loss_at_stop_all - t.total)
    from (
      -- The scope's rows and the others' are summed first, and then together: one pass, and each sum once.
      select coalesce(sum(g.count), 0) as count_all, coalesce(sum(g.count) filter (where g.is_own), 0) as count,
        coalesce(sum(g.symbol_count), 0) as symbol_count_all, coalesce(sum(g.symbol_count) filter (where g.is_own), 0) as symbol_count,
        coalesce(sum(g.cost), 0) as cost_all, coalesce(sum(g.cost) filter (where g.is_own), 0) as cost,
        min(g.priced_at) as priced_at_all, min(g.priced_at) filter (where g.is_own) as priced_at,
        -- One price that is missing, and the sum is not known: a sum would leave it out.
        case when bool_and(g.is_priced) is not false then coalesce(sum(g.value), 0) end as value_all,
        case when bool_and(g.is_priced) is not false then coalesce(sum(g.loss_now), 0) end as loss_now_all,
        case when bool_and(g.is_priced) is not false then coalesce(sum(g.loss_at_stop), 0) end as loss_at_stop_all,
        case when bool_and(g.is_priced) filter (where g.is_own) is not false then coalesce(sum(g.value) filter (where g.is_own), 0) end as value,
        case when bool_and(g.is_priced) filter (where g.is_own) is not false then coalesce(sum(g.loss_now) filter (where g.is_own), 0) end as loss_now,
        case when bool_and(g.is_priced) filter (where g.is_own) is not false then coalesce(sum(g.loss_at_stop) filter (where g.is_own), 0) end as loss_at_stop
      from (
        select r.scope_id = p_scope_id as is_own, count(*) as count, count(*) filter (where r.symbol = p_symbol) as symbol_count,
          count(*) = count(r.value) as is_priced, sum(r.cost) as cost, min(r.priced_at) filter (where r.is_held) as priced_at,
          sum(r.value) as value, sum(r.loss_now) as loss_now, sum(r.loss_at_stop) as loss_at_stop
        from trading.position_risks r where r.portfolio_id = p_portfolio_id group by 1
      ) g
    ) h, (
      select coalesce(sum(r.reserved), 0) as reserved_all, coalesce(sum(r.reserved) filter (where r.scope_id = p_scope_id), 0) as reserved,
        coalesce(sum(r.reserved) filter (where r.account_id = p_account_id), 0) as reserved_cash,
        coalesce(sum(r.loss_at_stop), 0) as loss_at_stop_all, coalesce(sum(r.loss_at_stop) filter (where r.scope_id = p_scope_id), 0) as loss_at_stop
      from trading.pending_risks r where r.portfolio_id = p_portfolio_id
    ) p, (
      select sum(b.amount) filter (where b.bucket = 'cash') as cash_all, -sum(b.amount) filter (where b.bucket = 'external') as capital_all,
        sum(b.amount) filter (where b.bucket = 'cash' and b.account_id = p_account_id) as cash,
        -sum(b.amount) filter (where b.bucket = 'external' and b.account_id = p_account_id) as capital
      from trading.counted_accounts c join trading.balances b on b.account_id = c.id and b.asset = 'USDT' and b.bucket in ('cash', 'external')
      where c.portfolio_id = p_portfolio_id
    ) m, (
      select coalesce(sum(u.quantity_all * q.bid), 0) as value_all, coalesce(sum(u.quantity * q.bid), 0) as value
      from (
        select d.asset, sum(d.quantity) as quantity_all, sum(d.quantity) filter (where d.account_id = p_account_id) as quantity
        from trading.counted_accounts c join trading.dust_pools d on d.account_id = c.id where c.portfolio_id = p_portfolio_id group by d.asset
      ) u join public.market_prices q on q.symbol = u.asset || 'USDT'
    ) d, trading.realized_today(p_portfolio_id, p_scope_id, p_now) t
  );
end
$$;
comment on function trading.portfolio_facts is
  'Cash, capital, equity and reservations of an account, exposure at cost, losses now and at the stops, and open positions of a trader''s own scope, and (_all) of the whole portfolio, in quote.';

-- What has been remembered: peaks and streaks, the last entry, and the locks in force.
create function trading.memory_facts(p_portfolio_id uuid, p_account_id uuid, p_scope_id uuid, p_symbol text, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      -- Whoever joins others on an account does not begin with what they lost: without a mark the peak is where it is now.
      'peak_result', coalesce(k.peak_result, case when p_scope_id = p_account_id then 0 end), 'peak_result_all', coalesce(k.peak_result_all, 0),
      'loss_streak', coalesce(k.loss_streak, 0), 'loss_streak_all', coalesce(k.loss_streak_all, 0),
      -- Whoever never entered did so at the beginning of time.
      'since_entry_ms', trunc(extract(epoch from p_now - coalesce(e.own, 'epoch')) * 1000),
      'since_entry_all_ms', trunc(extract(epoch from p_now - coalesce(e.total, 'epoch')) * 1000),
      'locks', l.locks)
    from (
      select max(k.peak_result) filter (where k.scope_id = p_scope_id) as peak_result,
        max(k.peak_result) filter (where k.scope_id = p_portfolio_id) as peak_result_all,
        max(k.loss_streak) filter (where k.scope_id = p_scope_id) as loss_streak,
        max(k.loss_streak) filter (where k.scope_id = p_portfolio_id) as loss_streak_all
      from trading.portfolios f join trading.risk_marks k on k.scope_id in (p_scope_id, p_portfolio_id) and k.environment = f.environment
      where f.id = p_portfolio_id
    ) k, (
      -- An attempt that never left this house is no entry.
      select max(n.created_at) as total, case when p_scope_id = p_account_id then max(n.created_at) filter (where c.id = p_account_id)
        else (select p.created_at from public.positions p where p.account_id = p_account_id
          and trading.own_scope_id(p.is_paper_trade, p.account_id, p.trader_id) = p_scope_id
            and p.failure_code is distinct from 'entry_not_sent' order by p.created_at desc limit 1) end as own
      from trading.accounts c
      cross join lateral (select p.created_at from public.positions p where p.account_id = c.id
        and p.failure_code is distinct from 'entry_not_sent' order by p.created_at desc limit 1) n
      where c.portfolio_id = p_portfolio_id
    ) e, (
      select coalesce(jsonb_agg(jsonb_build_object('code', l.code, 'until', l.until, 'symbol', l.symbol) order by l.until desc, l.code), '[]') as locks
      from trading.risk_locks l
      where l.portfolio_id = p_portfolio_id and l.until > p_now
        and (l.scope_id is null or l.scope_id = p_scope_id) and (l.symbol is null or l.symbol = p_symbol)
    ) l
  );
end
$$;
comment on function trading.memory_facts is 'Peaks, losing streaks, time since the last entry, and the locks in force for an entry in a symbol.';

-- Live limits are held to the caps of the user's rollout stage; a stage may have been lowered after they were set.
create function trading.capped_limits(p_limits jsonb, p_user_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_stage  trading.rollout_stages := trading.rollout_stage(p_user_id);
  v_limits public.risk_limits := jsonb_populate_record(null::public.risk_limits, coalesce(p_limits, '{}'));
begin
  return coalesce(p_limits, '{}') || jsonb_strip_nulls(jsonb_build_object(
    'max_position_quote', least(v_limits.max_position_quote, v_stage.max_position_quote),
    'max_exposure_quote', least(v_limits.max_exposure_quote, v_stage.max_exposure_quote),
    'max_daily_loss_quote', least(v_limits.max_daily_loss_quote, v_stage.max_daily_loss_quote)));
end
$$;
comment on function trading.capped_limits is 'Account-wide live limits (null: none) with the caps of the user''s rollout stage.';

create function trading.limit_facts(p_trader public.traders, p_mode text) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_own jsonb;
  v_all jsonb;
begin
  select jsonb_strip_nulls(to_jsonb(r)) into v_own from public.risk_limits r
  where r.trader_id = p_trader.id and r.user_id = p_trader.user_id;
  select jsonb_strip_nulls(to_jsonb(r)) into v_all from public.risk_limits r
  where r.user_id = p_trader.user_id and r.trader_id is null and r.mode = p_mode;
  return jsonb_build_object('limits', v_own,
    'limits_all', case when p_mode = 'live' then trading.capped_limits(v_all, p_trader.user_id) else v_all end);
end
$$;
comment on function trading.limit_facts is 'The trader''s limits and the account-wide ones of its mode, as they are set now.';

-- On paper the venue is always there, and nothing of it can be used up.
create function trading.venue_facts(
  p_trader public.traders, p_mode text, p_account_id uuid, p_portfolio_id uuid, p_instrument public.instruments
) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if p_mode = 'paper' then
    return '{"has_venue": true, "stage_allows": true, "is_quarantined": false, "guards_in_symbol": 0}';
  end if;
  return jsonb_build_object('has_venue', p_account_id is not null,
    'stage_allows', (select not e.is_real_money from trading.accounts a join trading.environments e using (environment) where a.id = p_account_id) or (trading.rollout_stage(p_trader.user_id)).is_live,
    'is_quarantined', trading.is_quarantined(p_account_id, p_instrument.symbol), 'max_algo_orders', p_instrument.max_algo_orders,
    'guards_in_symbol', (select count(*) from public.positions p where p.portfolio_id = p_portfolio_id and p.account_id = p_account_id
      and p.symbol = p_instrument.symbol and p.status not in ('closed', 'failed')));
end
$$;
comment on function trading.venue_facts is 'Whether a trader has a venue that it may use, and room there for another stop.';

create function trading.entry_facts(p_signal public.signals, p_trader public.traders, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_settings   trading.settings;
  v_instrument public.instruments;
  v_newest     public.market_prices;
  v_quote      trading.quotes;
  v_state      record;
  v_facts      jsonb;
  v_market_at  timestamptz := p_signal.decided_at;
  v_account_id uuid := trading.trader_account_id(p_trader);
  v_mode       text := case when p_trader.paper_trade_mode then 'paper' else 'live' end;
  v_portfolio_id uuid := trading.portfolio_id(p_trader.user_id, v_mode);
  v_scope_id   uuid := trading.own_scope_id(p_trader.paper_trade_mode, v_account_id, p_trader.id);
begin
  select * into v_settings from trading.settings;
  select * into v_instrument from public.instruments where symbol = p_signal.symbol;
  select * into v_newest from public.market_prices where symbol = p_signal.symbol;
  -- A paper order meets the market of its decision; where that is too old, the entry waited and meets the market of now. What
  -- goes to an exchange meets no other one.
  if v_mode = 'live' then
    v_market_at := p_now;
  end if;
  v_quote := trading.quote_at(p_signal.symbol, v_market_at);
  -- So does one that the history no longer reaches back to: a price and its time belong together.
  if v_quote.symbol is null or v_quote.observed_at > v_market_at
    or v_quote.observed_at < v_market_at - make_interval(secs => v_settings.max_price_age_ms / 1000.0) then
    v_market_at := p_now;
    v_quote := trading.quote_at(p_signal.symbol, v_market_at);
  end if;
  v_facts := trading.limit_facts(p_trader, v_mode) || trading.portfolio_facts(v_portfolio_id, v_account_id, v_scope_id, p_signal.symbol, p_now)
    || trading.memory_facts(v_portfolio_id, v_account_id, v_scope_id, p_signal.symbol, p_now);
  -- A preview opens no account, but shows what it would begin with.
  if v_mode = 'paper' and not (v_facts ->> 'account_known')::boolean then
    v_facts := v_facts || jsonb_build_object('cash', p_trader.paper_trade_balance, 'capital', p_trader.paper_trade_balance,
      'equity', p_trader.paper_trade_balance, 'equity_all', (v_facts ->> 'equity_all')::numeric + p_trader.paper_trade_balance,
      'capital_all', (v_facts ->> 'capital_all')::numeric + p_trader.paper_trade_balance);
  end if;
  v_facts := v_facts || jsonb_build_object(
    'peak_equity', trading.peak_equity((v_facts ->> 'capital')::numeric, (v_facts ->> 'equity')::numeric,
      coalesce((v_facts ->> 'peak_result')::numeric, (v_facts ->> 'equity')::numeric - (v_facts ->> 'capital')::numeric)),
    'peak_equity_all',
      trading.peak_equity((v_facts ->> 'capital_all')::numeric, (v_facts ->> 'equity_all')::numeric, (v_facts ->> 'peak_result_all')::numeric));
  select * into v_state from trading.effective_state(p_trader.user_id, v_portfolio_id, v_account_id, case when v_mode = 'live' then p_trader.id end);

  return v_facts || trading.venue_facts(p_trader, v_mode, v_account_id, v_portfolio_id, v_instrument)
    || trading.shape_entry(p_signal, p_trader, v_instrument, v_quote, (v_facts ->> 'equity')::numeric,
         least((v_facts #>> '{limits,max_position_quote}')::numeric, (v_facts #>> '{limits_all,max_position_quote}')::numeric),
         v_settings.paper_taker_fee)
    || jsonb_build_object(
      'now', p_now, 'market_at', v_market_at, 'mode', v_mode, 'trader_enabled', p_trader.enabled, 'auto_execute', p_trader.auto_execute_trades,
      'required_tier', v_settings.required_tier,
      'tier', case when v_settings.required_tier is not null then trading.user_tier(p_trader.user_id) end,
      'levels_readable', p_signal.levels is null or jsonb_typeof(p_signal.levels) in ('object', 'null'),
      'side', lower(coalesce(p_signal.levels ->> 'side', p_signal.levels ->> 'direction', 'long')),
      'trading_state', v_state.state, 'state_epoch', v_state.epoch, 'confidence', p_signal.confidence,
      'decision_age_ms', trunc(extract(epoch from p_now - p_signal.decided_at) * 1000),
      'signal_ttl_ms', p_trader.signal_ttl_seconds * 1000,
      'symbol', p_signal.symbol, 'symbol_known', v_instrument.symbol is not null, 'symbol_status', v_instrument.status,
      'quote_asset', v_instrument.quote_asset, 'notional_min', v_instrument.notional_min,
      'bid', v_quote.bid, 'ask', v_quote.ask, 'quote_hash', v_quote.hash,
      'price_age_ms', trunc(extract(epoch from p_now - v_newest.observed_at) * 1000),
      'quote_age_ms', trunc(extract(epoch from v_market_at - v_quote.observed_at) * 1000),
      'held_price_age_ms', trunc(extract(epoch from p_now - coalesce((v_facts ->> 'held_priced_at')::timestamptz, p_now)) * 1000),
      'held_price_age_all_ms', trunc(extract(epoch from p_now - coalesce((v_facts ->> 'held_priced_at_all')::timestamptz, p_now)) * 1000),
      'max_price_age_ms', v_settings.max_price_age_ms);
end
$$;
comment on function trading.entry_facts is 'Every input of the entry rules, read in one place: signal, trader, limits, market, filters, money, losses, state.';

reset role;
