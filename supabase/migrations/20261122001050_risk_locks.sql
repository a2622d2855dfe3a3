-- Purpose: what a closed position leaves behind: its result of the day, the losing streak, and the locks it gives rise to.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.add_risk_lock(
  p_position public.positions, p_scope_id uuid, p_symbol text, p_code text, p_seconds int, p_reason text, p_now timestamptz
) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_lock trading.risk_locks;
begin
  insert into trading.risk_locks (id, user_id, portfolio_id, scope_id, symbol, code, reason, until, created_at, cause)
  values (trading.derived_id('risk_lock', p_position.id::text, p_code, coalesce(p_scope_id::text, 'all'), p_position.version::text),
    p_position.user_id, p_position.portfolio_id, p_scope_id, p_symbol, p_code, p_reason, p_now + make_interval(secs => p_seconds), p_now, p_position.id)
  on conflict (id) do nothing
  returning * into v_lock;
  if v_lock.id is not null then
    perform trading.raise_alert(p_now, case p_code when 'cooldown' then 'info' else 'warning' end, p_code, v_lock.user_id, 'risk_lock', v_lock.id::text,
      p_reason, jsonb_build_object('until', v_lock.until, 'symbol', v_lock.symbol, 'scope_id', v_lock.scope_id));
    perform trading.audit(p_now, 'risk_locked', v_lock.user_id, p_position.trader_id, 'risk_lock', v_lock.id::text,
      jsonb_build_object('code', p_code, 'until', v_lock.until, 'symbol', v_lock.symbol, 'position_id', p_position.id));
  end if;
end
$$;
comment on function trading.add_risk_lock is 'Locks entries of a trader''s own scope (null: of its portfolio) in a symbol (null: in all) for some seconds, with alert and audit; once per closing.';

-- One row of limits, on the scope it is about; null: the account-wide row, on the whole portfolio.
create function trading.guard_stops(p_position public.positions, p_limits public.risk_limits, p_scope_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int;
begin
  if p_limits.stop_guard_count is null then
    return;
  end if;
  -- No more rows than the guard counts to.
  select count(*) into v_count from (
    select from public.positions p
    -- A stop that had been moved into the gain is no failure.
    where p.portfolio_id = p_position.portfolio_id and p.status = 'closed' and p.exit_reason = 'stop_loss' and p.realized_pnl < 0
      and p.closed_at > p_now - make_interval(secs => p_limits.stop_guard_window_seconds)
      and (p_scope_id is null or trading.own_scope_id(p.is_paper_trade, p.account_id, p.trader_id) = p_scope_id)
      and (p.is_paper_trade or (select true from trading.counted_accounts c where c.id = p.account_id))
    order by p.closed_at desc limit p_limits.stop_guard_count
  ) s;
  if v_count >= p_limits.stop_guard_count then
    perform trading.add_risk_lock(p_position, p_scope_id, null, 'stop_guard', p_limits.stop_guard_pause_seconds,
      format('%s stop losses within %s s', v_count, p_limits.stop_guard_window_seconds), p_now);
  end if;
end
$$;
comment on function trading.guard_stops is 'Locks a trader''s own scope, or the portfolio, after as many stop losses within the window as its limits count to.';

create function trading.guard_low_profit(p_position public.positions, p_limits public.risk_limits, p_scope_id uuid, p_now timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_count  int;
  v_result numeric;
begin
  if p_limits.low_profit_trades is null then
    return;
  end if;
  select count(*), sum(p.realized_pnl) into v_count, v_result from public.positions p
  where p.portfolio_id = p_position.portfolio_id and (p_scope_id is null or trading.own_scope_id(p.is_paper_trade, p.account_id, p.trader_id) = p_scope_id)
    and p.symbol = p_position.symbol and p.status = 'closed' and p.closed_at > p_now - make_interval(secs => p_limits.low_profit_window_seconds)
    and (p.is_paper_trade or (select true from trading.counted_accounts c where c.id = p.account_id));
  if v_count >= p_limits.low_profit_trades and v_result < p_limits.low_profit_min_quote then
    perform trading.add_risk_lock(p_position, p_scope_id, p_position.symbol, 'low_profit', p_limits.low_profit_pause_seconds,
      format('%s positions in %s made %s within %s s', v_count, p_position.symbol, trading.money_text(v_result), p_limits.low_profit_window_seconds), p_now);
  end if;
end
$$;
comment on function trading.guard_low_profit is 'Locks a symbol for the trader''s own scope, or the portfolio, whose closed positions in it made too little within the window.';

create function trading.guard_against_repetition(p_position public.positions, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_own      public.risk_limits;
  v_all      public.risk_limits;
  v_cooldown int;
  v_scope_id uuid := trading.own_scope_id(p_position.is_paper_trade, p_position.account_id, p_position.trader_id);
begin
  select * into v_own from public.risk_limits r where r.trader_id = p_position.trader_id and r.user_id = p_position.user_id;
  select * into v_all from public.risk_limits r
  where r.user_id = p_position.user_id and r.trader_id is null and r.mode = case when p_position.is_paper_trade then 'paper' else 'live' end;
  if p_position.exit_reason = 'stop_loss' then
    v_cooldown := greatest(v_own.cooldown_seconds, v_all.cooldown_seconds);
    if v_cooldown is not null then
      perform trading.add_risk_lock(p_position, v_scope_id, p_position.symbol, 'cooldown', v_cooldown,
        format('a stop loss in %s', p_position.symbol), p_now);
    end if;
    perform trading.guard_stops(p_position, v_own, v_scope_id, p_now);
    perform trading.guard_stops(p_position, v_all, null, p_now);
  end if;
  perform trading.guard_low_profit(p_position, v_own, v_scope_id, p_now);
  perform trading.guard_low_profit(p_position, v_all, null, p_now);
end
$$;
comment on function trading.guard_against_repetition is 'The locks that a position, just closed, gives rise to under the limits of its trader and of all traders.';

create function trading.mark_key(p_scope_id uuid) returns bigint
language sql immutable parallel safe
return hashtextextended('risk_mark:' || p_scope_id::text, 0);
comment on function trading.mark_key is 'Advisory lock key of a row of risk_marks: a close waits for it, the watch only tries it.';

-- A break-even is neither a win nor a loss.
create function trading.count_streak(p_position public.positions, p_result numeric, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_scope_id uuid := trading.own_scope_id(p_position.is_paper_trade, p_position.account_id, p_position.trader_id);
begin
  perform pg_advisory_xact_lock(trading.mark_key(v_scope_id));
  perform pg_advisory_xact_lock(trading.mark_key(p_position.portfolio_id));
  insert into trading.risk_marks as m (scope_id, environment, scope, peak_at, loss_streak)
  select s.id, a.environment, s.scope, p_now, (p_result < 0)::int
  from trading.accounts a
  cross join (values (v_scope_id, case when v_scope_id = p_position.account_id then 'account' else 'trader' end), (p_position.portfolio_id, 'portfolio')) s (id, scope)
  where a.id = p_position.account_id
  on conflict (scope_id, environment) do update set
    loss_streak = case when p_result > 0 then 0 else m.loss_streak + (p_result < 0)::int end;
end
$$;
comment on function trading.count_streak is 'Counts a losing position for its own scope and portfolio, or ends their streaks with a winning one.';

-- A stop bounds the loss but for gaps beyond it; how far one went is told, not only booked. Nearly every stop sells a little
-- below its price: the spread and the next price cost that much.
create function trading.note_overshoot(p_position public.positions, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'warning', 'stop_overshoot', p_position.user_id, 'position', p_position.id::text,
    format('The stop of %s sold below its price; that cost %s USDT beyond it', p_position.symbol, o.overshoot),
    jsonb_build_object('overshoot', o.overshoot, 'quantity', o.quantity, 'stop', o.stop))
  from public.stop_overshoots o, trading.settings s
  where o.position_id = p_position.id and o.overshoot::numeric > o.stop::numeric * o.quantity::numeric * s.stop_overshoot_percent / 100;
end
$$;
comment on function trading.note_overshoot is 'Alerts the owner of a position whose stop sold further below its trigger than settings.stop_overshoot_percent.';

create function trading.note_closed_position(p_position public.positions, p_result numeric, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- Fills booked theirs when they were recorded; what is left is the dust, which belongs to the last exit.
  if p_result <> p_position.realized_pnl then
    perform trading.book_result(p_position.account_id, p_position.trader_id, p_result - p_position.realized_pnl, coalesce(p_position.exit_time, p_now));
  end if;
  perform trading.count_streak(p_position, p_result, p_now);
  perform trading.guard_against_repetition(p_position, p_now);
  if p_position.exit_reason = 'stop_loss' then
    perform trading.note_overshoot(p_position, p_now);
  end if;
  -- Where no entry is let through anyway, as while a stop-all closes everything, the sweep's watch is soon enough.
  if (trading.effective_state(p_position.user_id, p_position.portfolio_id, p_position.account_id,
      case when not p_position.is_paper_trade then p_position.trader_id end)).state = 'active' then
    perform trading.watch_portfolio(p_position.portfolio_id, p_now);
  end if;
end
$$;
comment on function trading.note_closed_position is 'Takes note of a position that just closed with p_result (p_position: as it was before): day, streak, locks, loss limits.';

reset role;
