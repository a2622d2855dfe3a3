-- Purpose: the watch over losses: measures every account with something at risk, and takes trading to reducing when a limit is reached.
-- Locks:   SHARE ROW EXCLUSIVE on trading_states while its trigger is created.

set role fillbase_engine;

create table trading.loss_trips (
  id           uuid primary key default gen_random_uuid(),
  scope        text not null check (scope in ('account', 'trader', 'portfolio')),
  scope_id     uuid not null,
  user_id      uuid not null,
  portfolio_id uuid not null references trading.portfolios (id),
  environment  text not null,
  rule         text not null check (rule in ('daily_loss', 'drawdown', 'consecutive_losses')),
  observed     numeric not null,
  limit_value  numeric not null,
  day          date not null,
  tripped_at   timestamptz not null,
  resumed_at   timestamptz,
  was_forced   boolean,
  constraint loss_trips_resumed_whole check ((resumed_at is null) = (was_forced is null))
);
comment on table  trading.loss_trips is 'Each time a loss rule took trading to reducing, and whether it was resumed while its cause still stood.';
comment on column trading.loss_trips.scope is 'account, trader: a trader''s own limit, on paper and live; portfolio: an account-wide one of one mode.';
create unique index loss_trips_standing_idx on trading.loss_trips (portfolio_id, scope, scope_id, rule) where resumed_at is null;
create index loss_trips_day_idx on trading.loss_trips (portfolio_id, scope, scope_id, rule, day);
alter table trading.loss_trips enable row level security;
create policy loss_trips_select_service on trading.loss_trips for select to service_role using (true);
revoke all on trading.loss_trips from public, anon, authenticated, service_role;
grant select on trading.loss_trips to service_role;

create type trading.loss_figures as (
  scope text, scope_id uuid, portfolio_id uuid, environment text, user_id uuid, mark_id uuid, loss_now numeric, equity numeric, capital numeric, peak_result numeric,
  loss_streak int, daily_loss_limit numeric, max_drawdown_percent numeric, max_consecutive_losses int
);
comment on type trading.loss_figures is 'What the loss rules see of a trader''s own scope (account on paper, trader live) under its limits, or of a portfolio under the account-wide ones.';

-- The traders' own scopes and the portfolios themselves: one pass over what they hold. Money is counted where it is: live
-- traders share one account, so each of them has the equity of all.
create function trading.measure_losses(p_portfolio_ids uuid[], p_now timestamptz) returns setof trading.loss_figures
language plpgsql stable set search_path = ''
as $$
begin
  return query
    with held as (
      select r.portfolio_id, r.scope_id, count(*) = count(r.value) as is_priced, sum(r.value) as value, sum(r.loss_now) as loss
      from trading.position_risks r where r.portfolio_id = any (p_portfolio_ids) group by r.portfolio_id, r.scope_id
    ), money as (
      select c.id, c.portfolio_id, c.trader_id, b.capital, coalesce(b.cash, 0) + coalesce(u.value, 0) as unheld
      from trading.counted_accounts c
      cross join lateral (
        select sum(x.amount) filter (where x.bucket = 'cash') as cash, -sum(x.amount) filter (where x.bucket = 'external') as capital
        from trading.balances x where x.account_id = c.id and x.asset = 'USDT' and x.bucket in ('cash', 'external')) b
      cross join lateral (
        select sum(d.quantity * q.bid) as value from trading.dust_pools d join public.market_prices q on q.symbol = d.asset || 'USDT'
        where d.account_id = c.id) u
      where c.portfolio_id = any (p_portfolio_ids)
    ), wholes as (
      select f.id, f.user_id, f.mode, f.environment, coalesce(h.is_priced, true) as is_priced, coalesce(h.loss, 0) as open_loss, m.capital, m.unheld + coalesce(h.value, 0) as equity
      from trading.portfolios f
      join (select y.portfolio_id, sum(y.capital) as capital, sum(y.unheld) as unheld from money y group by y.portfolio_id) m on m.portfolio_id = f.id
      left join (select x.portfolio_id, bool_and(x.is_priced) as is_priced, sum(x.loss) as loss, sum(x.value) as value from held x group by x.portfolio_id) h
        on h.portfolio_id = f.id
    ), owns as (
      select 'account' as scope, m.id as scope_id, m.id as own_id, m.trader_id, m.portfolio_id, w.environment, w.user_id, coalesce(h.is_priced, true) as is_priced,
        coalesce(h.loss, 0) as open_loss, m.capital, m.unheld + coalesce(h.value, 0) as equity
      from money m join wholes w on w.id = m.portfolio_id and w.mode = 'paper'
      left join held h on h.scope_id = m.id
      union all
      select 'trader', t.id, x.own_id, t.id, w.id, w.environment, w.user_id, w.is_priced, coalesce(h.loss, 0), w.capital, w.equity
      from wholes w join public.traders t on t.user_id = w.user_id and w.mode = 'live'
      cross join lateral (select trading.own_scope_id(false, null, t.id) as own_id) x
      left join held h on h.scope_id = x.own_id
      -- A paper trader has no part in it, but for what it still holds from its time as a live one.
      where not t.paper_trade_mode or h.scope_id is not null
    ), scopes as (
      select o.scope, o.scope_id, o.portfolio_id, o.environment, o.user_id, o.own_id as mark_id, o.is_priced, o.open_loss, o.equity, o.capital, r as limits
      from owns o
      left join public.risk_limits r on r.trader_id = o.trader_id and r.user_id = o.user_id
      union all
      select 'portfolio', w.id, w.id, w.environment, w.user_id, w.id, w.is_priced, w.open_loss, w.equity, w.capital,
        case when w.mode = 'live' then jsonb_populate_record(r, trading.capped_limits(to_jsonb(r), w.user_id)) else r end
      from wholes w
      left join public.risk_limits r on r.user_id = w.user_id and r.trader_id is null and r.mode = w.mode
    )
    select s.scope, s.scope_id, s.portfolio_id, s.environment, s.user_id, s.mark_id, case when s.is_priced then s.open_loss - coalesce(d.realized, 0) end, case when s.is_priced then s.equity end,
      s.capital, coalesce(k.peak_result::numeric, case when s.scope = 'trader' then s.equity - s.capital else 0 end), coalesce(k.loss_streak, 0),
      trading.daily_loss_limit(s.limits, s.equity), (s.limits).max_drawdown_percent, (s.limits).max_consecutive_losses
    from scopes s
    left join trading.results_of_day(p_portfolio_ids, p_now) d on d.scope_id = s.mark_id and d.portfolio_id = s.portfolio_id
    left join trading.risk_marks k on k.scope_id = s.mark_id and k.environment = s.environment;
end
$$;
comment on function trading.measure_losses is 'Loss of the day, equity, peak and streak of the traders'' own scopes and of the portfolios, each with the limits it is held to; null where a price is missing.';

create function trading.loss_breaches(p_figures trading.loss_figures[])
returns table (scope text, scope_id uuid, portfolio_id uuid, user_id uuid, rule text, observed numeric, limit_value numeric)
language plpgsql immutable set search_path = ''
as $$
begin
  return query
    select f.scope, f.scope_id, f.portfolio_id, f.user_id, r.rule, r.observed, r.limit_value
    from unnest(p_figures) f
    cross join lateral (select trading.peak_equity(f.capital, f.equity, f.peak_result) as equity) p
    cross join lateral (values
      ('daily_loss', f.loss_now, f.daily_loss_limit),
      ('drawdown', (p.equity - f.equity) * 100 / nullif(p.equity, 0), f.max_drawdown_percent),
      ('consecutive_losses', f.loss_streak::numeric, f.max_consecutive_losses::numeric)
    ) r (rule, observed, limit_value)
    where r.observed >= r.limit_value
    -- Portfolios before accounts before traders, each by id: the order of the gates.
    order by f.scope <> 'portfolio', f.scope, f.scope_id, r.rule;
end
$$;
comment on function trading.loss_breaches is 'Which loss limits are reached, at the limit included; what is not known breaches nothing here (it denies entries instead).';

-- The watch never waits for a mark: a close holds its own and may want others. What is skipped is looked at again soon.
create function trading.raise_peaks(p_figures trading.loss_figures[], p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.risk_marks as m (scope_id, environment, scope, peak_result, peak_at)
  select f.mark_id, f.environment, f.scope, f.equity - f.capital, p_now
  from (select * from unnest(p_figures) f where f.equity - f.capital > f.peak_result
    -- A live trader joins others on its account: its peak begins where it comes in.
    or (f.scope = 'trader' and f.equity is not null and not exists (select from trading.risk_marks k where k.scope_id = f.mark_id and k.environment = f.environment)) offset 0) f
  where pg_try_advisory_xact_lock(trading.mark_key(f.mark_id))
  on conflict (scope_id, environment) do update set peak_result = excluded.peak_result, peak_at = excluded.peak_at where m.peak_result < excluded.peak_result;
end
$$;
comment on function trading.raise_peaks is 'Remembers equity that is higher than ever before, but for marks that somebody else holds.';

create function trading.restart_peaks(p_figures trading.loss_figures[], p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.risk_marks as m (scope_id, environment, scope, peak_result, peak_at)
  select f.mark_id, f.environment, f.scope, f.equity - f.capital, p_now
  from unnest(p_figures) f where f.equity is not null
  on conflict (scope_id, environment) do update set peak_result = excluded.peak_result, peak_at = excluded.peak_at, loss_streak = 0;
end
$$;
comment on function trading.restart_peaks is 'Measures drawdown and streak anew from here.';

create function trading.restart_marks_of_account(p_account_id uuid, p_portfolio_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.restart_peaks(array(
    select f from trading.measure_losses(array[p_portfolio_id], p_now) f where f.mark_id = p_account_id), p_now);
end
$$;
comment on function trading.restart_marks_of_account is 'A paper account that was reset begins anew. What its portfolio lost stays lost: a reset moves capital, not results.';

-- Entries that have not filled would add risk once they do; stops and targets stay.
create function trading.cancel_pending_entries(p_portfolio_id uuid, p_scope_id uuid, p_trip_id uuid, p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int;
begin
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, order_id, payload)
  select 'cancel', 'loss_limit:' || p_trip_id || ':' || o.id, o.portfolio_id, o.is_paper_trade, p_now, o.position_id, o.id,
    jsonb_build_object('reason', 'loss_limit')
  from trading.reservations r join public.orders o on o.id = r.order_id
  where r.portfolio_id = p_portfolio_id and r.released_at is null and r.side = 'BUY'
    and (p_scope_id is null or trading.own_scope_id(o.is_paper_trade, o.account_id, o.trader_id) = p_scope_id)
  order by o.id
  on conflict (key) do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function trading.cancel_pending_entries is 'Queues the cancel of every entry of a trader''s own scope (null: of the portfolio) that may still fill; returns how many.';

-- Whoever resumed by force knew today's loss; it does not stop them a second time, the entry rules do.
create function trading.is_trip_known(p_portfolio_id uuid, p_scope text, p_scope_id uuid, p_rule text, p_limit numeric, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from trading.loss_trips t join trading.portfolios f on f.id = t.portfolio_id
    where t.portfolio_id = p_portfolio_id and t.scope = p_scope and t.scope_id = p_scope_id and t.rule = p_rule
      -- A limit that was raised since then is another one.
      and (t.resumed_at is null or (p_rule = 'daily_loss' and t.was_forced and t.environment = f.environment and t.day >= trading.utc_day(p_now) and p_limit <= t.limit_value)));
end
$$;
comment on function trading.is_trip_known is 'Whether a limit that is reached has tripped already, or was resumed by force on this day and has not been raised since.';

create function trading.record_trip(
  p_scope text, p_scope_id uuid, p_portfolio_id uuid, p_user_id uuid, p_rule text, p_observed numeric, p_limit numeric, p_now timestamptz
) returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_id    uuid;
  v_mode  text := (select f.mode from trading.portfolios f where f.id = p_portfolio_id);
  v_words text := format('%s, %s: %s has reached the limit of %s. Trading is reducing: no new entries, exits go on.',
    case p_rule when 'daily_loss' then 'Daily loss in USDT' when 'drawdown' then 'Drawdown in percent' else 'Losing positions in a row' end,
    case when p_scope = 'portfolio' then 'all ' || v_mode || ' traders together' else 'one ' || v_mode || ' trader' end,
    trading.money_text(round(p_observed, 8)), trading.money_text(round(p_limit, 8)));
begin
  insert into trading.loss_trips (scope, scope_id, user_id, portfolio_id, environment, rule, observed, limit_value, day, tripped_at)
  select p_scope, p_scope_id, p_user_id, f.id, f.environment, p_rule, p_observed, p_limit, trading.utc_day(p_now), p_now
  from trading.portfolios f where f.id = p_portfolio_id
  on conflict (portfolio_id, scope, scope_id, rule) where resumed_at is null do nothing
  returning id into v_id;
  if v_id is null then
    return false;
  end if;
  perform trading.raise_alert(p_now, 'critical', p_rule, p_user_id, p_scope, p_scope_id::text, v_words,
    jsonb_build_object('mode', v_mode, 'observed', trading.money_text(p_observed), 'limit', trading.money_text(p_limit), 'loss_trip_id', v_id));
  perform trading.audit(p_now, 'loss_limit_reached', p_user_id, null, p_scope, p_scope_id::text,
    jsonb_build_object('rule', p_rule, 'mode', v_mode, 'observed', trading.money_text(p_observed), 'limit', trading.money_text(p_limit), 'loss_trip_id', v_id));
  perform trading.cancel_pending_entries(p_portfolio_id, case p_scope when 'account' then p_scope_id when 'trader' then trading.own_scope_id(false, null, p_scope_id) end,
    v_id, p_now);
  return true;
end
$$;
comment on function trading.record_trip is 'Records that a loss limit was reached, once until it is resumed: alert, audit, cancels. True: it is news.';

create function trading.watch_figures(p_figures trading.loss_figures[], p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_breach record;
  v_count  int := 0;
begin
  perform trading.raise_peaks(p_figures, p_now);
  for v_breach in select * from trading.loss_breaches(p_figures) b where not trading.is_trip_known(b.portfolio_id, b.scope, b.scope_id, b.rule, b.limit_value, p_now) loop
    -- Only tried: whoever holds the gate may wait for locks of ours. The next look comes within seconds, and until then the
    -- same figures deny every entry.
    continue when not pg_try_advisory_xact_lock(trading.gate_key(v_breach.scope, v_breach.scope_id));
    continue when not trading.record_trip(v_breach.scope, v_breach.scope_id, v_breach.portfolio_id, v_breach.user_id, v_breach.rule,
      v_breach.observed, v_breach.limit_value, p_now);
    perform trading.set_trading_state(v_breach.scope, v_breach.scope_id, 'reducing', false, v_breach.rule, 'engine', p_now);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function trading.watch_figures is 'Raises peaks and trips the loss limits that are reached; returns how many tripped now.';

-- Only where a limit asks for it: what nothing limits cannot breach, and its peak interests nobody.
create function trading.watched_portfolios(p_portfolio_ids uuid[]) returns uuid[]
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select array_agg(f.id) from trading.portfolios f
    where f.id = any (p_portfolio_ids)
      and (exists (select from public.risk_limits r where r.user_id = f.user_id
          and num_nonnulls(r.max_daily_loss_quote, r.max_daily_loss_percent, r.max_drawdown_percent, r.max_consecutive_losses) > 0)
        or (f.mode = 'live' and (trading.rollout_stage(f.user_id)).max_daily_loss_quote is not null))
  );
end
$$;
comment on function trading.watched_portfolios is 'Those of the portfolios whose user has loss limits, or live a stage that caps the loss; null: none.';

create function trading.watch_portfolio(p_portfolio_id uuid, p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_ids uuid[] := trading.watched_portfolios(array[p_portfolio_id]);
begin
  if v_ids is null then
    return 0;
  end if;
  return trading.watch_figures(array(select f from trading.measure_losses(v_ids, p_now) f), p_now);
end
$$;
comment on function trading.watch_portfolio is 'The watch over one portfolio, after a close: a loss may have reached a limit, a gain a peak.';

create function trading.watch_losses(p_now timestamptz default null) returns int
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, trading.engine_now());
  v_ids uuid[];
begin
  if not pg_try_advisory_xact_lock(hashtextextended('watch_losses', 0)) then
    return 0;
  end if;
  update public.alerts a set resolved_at = v_now, resolved_by = 'engine'
  from trading.risk_locks l
  where a.code in ('cooldown', 'stop_guard', 'low_profit') and a.resolved_at is null and l.id = a.subject_id::uuid and l.until <= v_now;
  -- What holds nothing cannot lose; what it lost today, while nobody looked, it has lost.
  v_ids := trading.watched_portfolios(array(
    select f.id from trading.portfolios f
    where exists (select from public.positions p where p.portfolio_id = f.id and p.status not in ('closed', 'failed'))
      or exists (select from trading.daily_results r where r.portfolio_id = f.id and r.day >= trading.utc_day(v_now))));
  if v_ids is null then
    return 0;
  end if;
  return trading.watch_figures(array(select f from trading.measure_losses(v_ids, v_now) f), v_now);
end
$$;
comment on function trading.watch_losses is 'Every 2 s: measures the losses of all portfolios that hold something under loss limits, or lost something today, and trips those that reached one; returns how many.';
grant execute on function trading.watch_losses to service_role;

-- Why trading may not simply go on. A losing streak is no such cause: somebody has looked, and it counts anew.
create function trading.standing_cause(p_user_id uuid, p_scope_id uuid, p_now timestamptz) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select b.rule
    from trading.loss_breaches(array(
      select m from trading.measure_losses(array(select f.id from trading.portfolios f where f.user_id = p_user_id), p_now) m)) b
    where b.rule <> 'consecutive_losses' and b.scope_id = p_scope_id
    order by b.rule limit 1
  );
end
$$;
comment on function trading.standing_cause is 'daily_loss or drawdown while that limit of a trader''s own scope, or an account-wide one of a portfolio, is reached; else null.';

-- Whoever resumes against a standing drawdown accepts it: the peak is measured anew from here. Losses of a day are not
-- forgotten by resuming, their limit goes on denying entries until the day is over or the limit is raised.
-- A resume holds its gate, which a close that holds its marks may wait for: rather than close that circle it gives up soon.
create function trading.tg_trading_states__resume() returns trigger
language plpgsql set search_path = '' set lock_timeout = '500ms'
as $$
declare
  v_figures trading.loss_figures[];
  v_causes  text[];
begin
  select array_agg(m) into v_figures
  from trading.measure_losses(array(
    select f.id from trading.portfolios f where new.scope = 'portfolio' and f.id = new.scope_id
    union select c.portfolio_id from trading.accounts c where new.scope = 'account' and c.id = new.scope_id
    union select f.id from trading.portfolios f join public.traders t on t.user_id = f.user_id
      where new.scope = 'trader' and t.id = new.scope_id and f.mode = 'live'), new.set_at) m
  where m.scope = new.scope and m.scope_id = new.scope_id;
  select coalesce(array_agg(b.portfolio_id || ':' || b.rule), '{}') into v_causes from trading.loss_breaches(v_figures) b;
  update trading.risk_marks k set loss_streak = 0 from unnest(v_figures) f where k.scope_id = f.mark_id and k.environment = f.environment;
  perform trading.restart_peaks(array(select f from unnest(v_figures) f where f.portfolio_id || ':drawdown' = any (v_causes)), new.set_at);
  update trading.loss_trips t set resumed_at = new.set_at, was_forced = t.rule <> 'consecutive_losses' and t.portfolio_id || ':' || t.rule = any (v_causes)
  where t.scope = new.scope and t.scope_id = new.scope_id and t.portfolio_id in (select f.portfolio_id from unnest(v_figures) f) and t.resumed_at is null;
  update public.alerts a set resolved_at = new.set_at, resolved_by = new.set_by
  where a.code in ('daily_loss', 'drawdown', 'consecutive_losses') and a.subject_id = new.scope_id::text and a.resolved_at is null;
  return null;
end
$$;
create trigger trading_states_500_resume after update on trading.trading_states
  for each row when (new.state = 'active' and old.state <> 'active' and new.scope in ('portfolio', 'account', 'trader')) execute function trading.tg_trading_states__resume();

reset role;
