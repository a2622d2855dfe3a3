-- Purpose: what loss rules look at: results by day, equity peaks, losing streaks, locks, and the risk of what is held and pending.
-- Locks:   SHARE ROW EXCLUSIVE on trades while its trigger is created.

set role fillbase_engine;

-- What a trader's own limits look at: on paper its account; live traders share an account, so there it is the trader.
-- Derived, because users choose their traders' ids: none can be made to look like another scope. It is
-- trading.derived_id('live_trader', id), written out to be inlined: sums of risks ask it of every live position.
create function trading.own_scope_id(p_is_paper boolean, p_account_id uuid, p_trader_id uuid) returns uuid
language sql immutable parallel safe
return case when p_is_paper or p_trader_id is null then p_account_id else md5('live_trader|' || p_trader_id::text)::uuid end;
comment on function trading.own_scope_id is 'The scope of a trader''s own limits, marks and results: its paper account, or an id of the live trader''s own.';

-- A testnet's money is worth nothing: it is not summed with what is traded now, nor are its results and marks. They wait in
-- their own rows for whoever goes back there: no limit is evaded by a walk through another environment.
create view trading.counted_accounts with (security_invoker = true) as
  select a.id, a.portfolio_id, a.trader_id
  from trading.accounts a
  where a.environment = 'paper' or a.environment = (select f.environment from trading.portfolios f where f.id = a.portfolio_id);
comment on view trading.counted_accounts is
  'Accounts that count in their portfolio''s sums: paper ones, and live those of the environment that its owner trades in now (portfolios.environment).';
revoke all on trading.counted_accounts from public, anon, authenticated, service_role;

create table trading.daily_results (
  scope_id     uuid not null,
  environment  text not null,
  day          date not null,
  portfolio_id uuid not null,
  realized     trading.amount not null,
  primary key (scope_id, environment, day)
) with (fillfactor = 70);
comment on table  trading.daily_results is 'Realized result of a trader''s own scope (own_scope_id) in one environment by UTC day of the fills'' execution, dust included: the running figure of the daily loss.';
comment on column trading.daily_results.realized is 'Net of gains, in quote. Summed over all days it is the realized PnL of the scope''s positions.';
create index daily_results_portfolio_id_idx on trading.daily_results (portfolio_id, day);

create table trading.risk_marks (
  scope_id     uuid not null,
  environment  text not null,
  scope        text not null check (scope in ('account', 'trader', 'portfolio')),
  peak_result  trading.amount not null default 0,
  peak_at      timestamptz not null,
  loss_streak  int not null default 0 check (loss_streak >= 0),
  primary key (scope_id, environment)
) with (fillfactor = 70);
comment on table  trading.risk_marks is 'What has to be remembered of an account, a live trader or a portfolio in one environment: the peak of its equity and its losing positions in a row.';
comment on column trading.risk_marks.peak_result is 'Highest result so far, where a result is equity minus capital: money put in or taken out moves equity and peak alike.';
comment on column trading.risk_marks.loss_streak is 'Positions closed at a loss since the last one closed at a gain, or since trading was resumed.';

create table trading.risk_locks (
  id           uuid primary key,
  user_id      uuid not null,
  portfolio_id uuid not null references trading.portfolios (id),
  scope_id     uuid,
  symbol       text,
  code         text not null check (code in ('cooldown', 'stop_guard', 'low_profit')),
  reason       text not null,
  until        timestamptz not null,
  created_at   timestamptz not null,
  cause        uuid not null references public.positions (id),
  constraint risk_locks_lasts check (until > created_at)
);
comment on table  trading.risk_locks is 'No entry until then: in a symbol or in all (null), of one trader''s own scope or of the whole portfolio (null). Exits do not ask.';
comment on column trading.risk_locks.cause is 'The closed position that gave rise to it.';
create index risk_locks_portfolio_id_idx on trading.risk_locks (portfolio_id, until);
create index risk_locks_user_id_idx on trading.risk_locks (user_id, created_at);
create index risk_locks_cause_idx on trading.risk_locks (cause);

-- What the guards count, each by the newest closes alone.
create index positions_stopped_idx on public.positions (portfolio_id, closed_at) where status = 'closed' and exit_reason = 'stop_loss';
create index positions_closed_symbol_idx on public.positions (portfolio_id, symbol, closed_at) where status = 'closed';

alter table trading.daily_results enable row level security;
alter table trading.risk_marks enable row level security;
alter table trading.risk_locks enable row level security;
create policy daily_results_select_service on trading.daily_results for select to service_role using (true);
create policy risk_marks_select_service on trading.risk_marks for select to service_role using (true);
create policy risk_locks_select_service on trading.risk_locks for select to service_role using (true);
-- As with risk_checks: read through a view in public, never by name.
create policy risk_locks_select_owner on trading.risk_locks for select to authenticated using (user_id = (select auth.uid()));
revoke all on trading.daily_results, trading.risk_marks, trading.risk_locks from public, anon, authenticated, service_role;
grant select on trading.daily_results, trading.risk_marks to service_role;
grant select on trading.risk_locks to authenticated, service_role;

create function trading.utc_day(p_at timestamptz) returns date
language sql immutable parallel safe
return (p_at at time zone 'UTC')::date;
comment on function trading.utc_day is 'The UTC day of a moment.';

-- A result is equity minus capital; the peak counts what is reached at this moment.
create function trading.peak_equity(p_capital numeric, p_equity numeric, p_peak_result numeric) returns numeric
language sql immutable parallel safe
return p_capital + greatest(p_peak_result, p_equity - p_capital);
comment on function trading.peak_equity is 'Highest equity so far at today''s capital.';

create function trading.book_result(p_account_id uuid, p_trader_id uuid, p_amount numeric, p_at timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.daily_results as d (scope_id, environment, day, portfolio_id, realized)
  select trading.own_scope_id(a.environment = 'paper', a.id, p_trader_id), a.environment, trading.utc_day(p_at), a.portfolio_id, p_amount
  from trading.accounts a where a.id = p_account_id
  on conflict (scope_id, environment, day) do update set realized = d.realized + excluded.realized;
end
$$;
comment on function trading.book_result is 'Adds a result that was realized on an account to the UTC day of the trader''s own scope there.';

create function trading.tg_trades__book_result() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.book_result(new.account_id, new.trader_id, new.realized_pnl, new.executed_at);
  return null;
end
$$;
create trigger trades_510_book_result after insert on public.trades
  for each row when (new.realized_pnl <> 0) execute function trading.tg_trades__book_result();

-- Open and pending risk, each formula in one place. A price that is missing makes a loss unknown (null), never zero. (select true)
-- rather than exists, which is planned in two ways: whoever plans these views anew would pay for both.
create view trading.position_risks with (security_invoker = true) as
  select p.portfolio_id, p.account_id, trading.own_scope_id(p.is_paper_trade, p.account_id, p.trader_id) as scope_id, p.symbol, p.cost::numeric as cost, p.quantity > 0 as is_held, m.observed_at as priced_at,
    case when p.quantity = 0 then 0 else p.quantity * m.bid end as value,
    case when p.quantity = 0 then 0 when m.bid > 0 then greatest(p.cost - p.quantity * m.bid * f.kept, 0) end as loss_now,
    case when p.quantity = 0 then 0 when m.bid > 0 then greatest(p.cost - p.quantity * least(p.stop_loss_price, m.bid) * f.kept, 0) end as loss_at_stop
  from public.positions p
  cross join (select 1 - s.paper_taker_fee as kept from trading.settings s) f
  left join public.market_prices m on m.symbol = p.symbol
  where p.status not in ('closed', 'failed') and (p.is_paper_trade or (select true from trading.counted_accounts c where c.id = p.account_id));
comment on view trading.position_risks is
  'Live positions at the bid: value, loss if sold now and loss if sold at the stop, both after the taker fee; null where there is no price.';

create view trading.pending_risks with (security_invoker = true) as
  select r.portfolio_id, r.account_id, trading.own_scope_id(o.is_paper_trade, o.account_id, o.trader_id) as scope_id, r.amount::numeric as reserved,
    r.amount - (o.quantity - o.filled_quantity) * f.kept * p.stop_loss_price * f.kept as loss_at_stop
  from trading.reservations r
  join public.orders o on o.id = r.order_id
  join public.positions p on p.id = o.position_id
  cross join (select 1 - s.paper_taker_fee as kept from trading.settings s) f
  where r.released_at is null and r.side = 'BUY' and (o.is_paper_trade or (select true from trading.counted_accounts c where c.id = o.account_id));
comment on view trading.pending_risks is 'Buys that may still fill, unknown ones included: what they reserve, and what would be lost if they filled and were sold at the stop.';
revoke all on trading.position_risks, trading.pending_risks from public, anon, authenticated, service_role;

-- With a clock that only goes forward there is no later day than today. One that was set back finds the days it had already
-- seen: each of them is taken as the day's beginning, and the worst counts, so no roll-over and no loss is taken back.
create function trading.results_of_day(p_portfolio_ids uuid[], p_now timestamptz)
returns table (portfolio_id uuid, scope_id uuid, realized numeric)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    -- A later day on which only others had a result is a beginning, too: since then the scope has made nothing.
    select s.portfolio_id, coalesce(s.scope_id, s.portfolio_id), least(min(s.since), case when max(s.day) < max(s.newest_day) then 0 end)
    from (
      select r.portfolio_id, r.scope_id, r.day, max(r.day) over (partition by r.portfolio_id) as newest_day,
        sum(sum(r.realized)) over (partition by r.portfolio_id, r.scope_id order by r.day desc) as since
      from trading.daily_results r
      where r.portfolio_id = any (p_portfolio_ids) and r.day >= trading.utc_day(p_now)
        and (r.environment = 'paper' or r.environment = (select f.environment from trading.portfolios f where f.id = r.portfolio_id))
      group by grouping sets ((r.portfolio_id, r.scope_id, r.day), (r.portfolio_id, r.day))
    ) s
    group by s.portfolio_id, s.scope_id;
end
$$;
comment on function trading.results_of_day is
  'Results of the UTC day so far, net of gains, of the traders'' own scopes and of the portfolios (under their own ids), in the environment that counts; who made none has no row.';

create function trading.realized_today(p_portfolio_id uuid, p_scope_id uuid, p_now timestamptz, out own numeric, out total numeric)
language plpgsql stable set search_path = ''
as $$
begin
  select coalesce(min(r.realized) filter (where r.scope_id = p_scope_id), 0), coalesce(min(r.realized) filter (where r.scope_id = p_portfolio_id), 0) into own, total
  from trading.results_of_day(array[p_portfolio_id], p_now) r;
end
$$;
comment on function trading.realized_today is 'Result of the UTC day so far, net of gains, of a trader''s own scope and of its whole portfolio.';

reset role;
