-- Purpose: the record of each stop and how far it got, and what users see of stops and states.
-- Locks:   ACCESS EXCLUSIVE on alerts and realtime.messages while a policy is changed.

set role fillbase_engine;

create table trading.stop_requests (
  id              uuid primary key,
  scope           text not null check (scope in ('trader', 'account', 'portfolio', 'user', 'everyone')),
  scope_id        uuid not null,
  state_scope     text not null check (state_scope in ('trader', 'account', 'portfolio', 'user', 'system')),
  state_scope_id  uuid not null,
  user_id         uuid,
  trader_id       uuid,
  mode            text not null check (mode in ('halt', 'halt_and_flatten')),
  reason          text not null,
  requested_by    text not null,
  requested_at    timestamptz not null,
  halted_at       timestamptz not null,
  announced_at    timestamptz,
  settled_at      timestamptz,
  flattened_at    timestamptz,
  ended_at        timestamptz,
  ended_by        text,
  denied_count    int not null default 0,
  cancel_count    int not null default 0,
  close_count     int not null default 0,
  constraint stop_requests_owner_matches_scope check ((user_id is null) = (scope = 'everyone')),
  constraint stop_requests_end_whole check ((ended_at is null) = (ended_by is null)),
  constraint stop_requests_flattened_after_settled check (flattened_at is null or settled_at is not null)
);
comment on table  trading.stop_requests is 'Every emergency stop: who, why, and when it was halted, settled, flattened and resumed. One stands per scope.';
comment on column trading.stop_requests.state_scope is 'The trading state that carries the stop; a paper trader''s is that of its account.';
comment on column trading.stop_requests.announced_at is 'When the users it touches got their alert.';
comment on column trading.stop_requests.settled_at is 'When every entry permitted before the halt was final.';
comment on column trading.stop_requests.flattened_at is 'When halt_and_flatten had closed the last position.';
comment on column trading.stop_requests.cancel_count is 'Entries whose cancel this stop was the first to queue: one that two stops are over counts for one of them.';
comment on column trading.stop_requests.close_count is 'Positions whose sale this stop was the first to queue.';
comment on column trading.stop_requests.denied_count is 'Decisions still queued at the halt, which ended as denied.';
create unique index stop_requests_standing_idx on trading.stop_requests (state_scope, state_scope_id) where ended_at is null;
create index stop_requests_user_id_idx on trading.stop_requests (user_id, requested_at);

alter table trading.stop_requests enable row level security;
create policy stop_requests_select_service on trading.stop_requests for select to service_role using (true);
revoke all on trading.stop_requests from public, anon, authenticated, service_role;
grant select on trading.stop_requests to service_role;

-- Both are found through the scope's portfolios, so that one user's stop does not look at everybody's, and are written so
-- that the planner sees through them: whoever needs one row reads one row.
create function trading.live_positions(p_state_scope text, p_scope_id uuid)
returns table (id uuid, portfolio_id uuid, status text, quantity numeric, is_paper_trade boolean, version bigint)
language sql stable
begin atomic
  select p.id, p.portfolio_id, p.status, p.quantity::numeric, p.is_paper_trade, p.version
  from public.positions p
  where p.status not in ('closed', 'failed') and (p_state_scope <> 'account' or p.account_id = p_scope_id)
    and (p_state_scope <> 'trader' or (p.trader_id = p_scope_id and not p.is_paper_trade))
    and p.portfolio_id = any (array(
      select f.id from trading.portfolios f
      where p_state_scope = 'system' or (p_state_scope = 'user' and f.user_id = p_scope_id) or (p_state_scope = 'portfolio' and f.id = p_scope_id)
        or (p_state_scope = 'account' and f.id = (select a.portfolio_id from trading.accounts a where a.id = p_scope_id))
        or (p_state_scope = 'trader' and f.mode = 'live' and f.user_id = (select t.user_id from public.traders t where t.id = p_scope_id))));
end;
comment on function trading.live_positions is 'Positions of a live trader, an account, a portfolio, a user or the system that are not over.';

create function trading.live_entries(p_state_scope text, p_scope_id uuid)
returns table (id uuid, position_id uuid, portfolio_id uuid, is_paper_trade boolean, version bigint)
language sql stable
begin atomic
  select o.id, o.position_id, o.portfolio_id, o.is_paper_trade, o.version
  from trading.live_positions(p_state_scope, p_scope_id) p
  join public.orders o on o.position_id = p.id and o.role = 'entry' and o.state in ('submitting', 'unknown', 'working', 'partially_filled');
end;
comment on function trading.live_entries is 'Entry orders of a scope that left with a permit and are not final.';

-- What stands is never cut off, however many stops came and went since: by anybody's.
create function public.read_stops(p_stop_id uuid default null) returns table (stop_id uuid, scope text, scope_id uuid, mode text, reason text, requested_by text,
  requested_at timestamptz, halted_at timestamptz, settled_at timestamptz, flattened_at timestamptz, ended_at timestamptz, ended_by text,
  entries_denied int, entries_cancelled int, entries_in_flight int, positions_left int)
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    with visible as (
      select * from trading.stop_requests s
      where (p_stop_id is null or s.id = p_stop_id)
        and (s.user_id = (select auth.uid()) or (select public.is_operator()) or (select auth.role()) = 'service_role' or (select trading.is_database_owner()))
    ), shown as (
      select * from visible v where v.ended_at is null
      union all
      (select * from visible v where v.ended_at is not null order by v.requested_at desc limit 100)
    )
    select s.id, s.scope, s.scope_id, s.mode, s.reason, s.requested_by, s.requested_at, s.halted_at, s.settled_at, s.flattened_at,
      s.ended_at, s.ended_by, s.denied_count, greatest(s.cancel_count - l.entries, 0), l.entries, l.positions
    from shown s
    cross join lateral (
      select case when s.ended_at is null then (select count(*)::int from trading.live_entries(s.state_scope, s.state_scope_id)) else 0 end as entries,
        case when s.ended_at is null then (select count(*)::int from trading.live_positions(s.state_scope, s.state_scope_id) p where p.quantity > 0)
        else 0 end as positions) l
    order by s.ended_at is not null, s.scope <> 'everyone', s.requested_at desc;
end
$$;
comment on function public.read_stops is 'One stop by its id, however old; without one the rows of public.stop_progress. None: there is no such stop, or it is not the caller''s to see.';
grant execute on function public.read_stops to authenticated, service_role;

create view public.stop_progress with (security_invoker = true) as select * from public.read_stops();
comment on view public.stop_progress is
  'Every standing stop and the newest 100 ended ones of the caller''s own traders (operators and the database owner: all; one of everyone first): halted, settled, flattened and ended when, entries denied, cancelled and still in flight, positions left.';
revoke all on public.stop_progress from public, anon, authenticated, service_role;
grant select on public.stop_progress to authenticated, service_role;

create function public.read_trading_states() returns table (scope text, user_id uuid, trader_id uuid, portfolio_id uuid, mode text, state text, flatten boolean, reason text,
  set_by text, since timestamptz, needs_operator boolean)
language plpgsql stable security definer set search_path = ''
as $$
begin
  return query
    select s.scope, coalesce(a.user_id, t.user_id, f.user_id, case when s.scope = 'user' then s.scope_id end), coalesce(a.trader_id, t.id), f.id,
      case when t.id is not null then 'live' when a.environment = 'paper' then 'paper' when a.id is not null then 'live' else f.mode end,
      s.state, s.flatten, s.reason, s.set_by, s.set_at, s.needs_operator
    from trading.trading_states s
    left join trading.accounts a on s.scope = 'account' and a.id = s.scope_id
    left join public.traders t on s.scope = 'trader' and t.id = s.scope_id
    left join trading.portfolios f on s.scope = 'portfolio' and f.id = s.scope_id
    where s.scope = 'system' or s.scope_id = (select auth.uid()) or coalesce(a.user_id, t.user_id, f.user_id) = (select auth.uid())
      or (select public.is_operator()) or (select auth.role()) = 'service_role' or (select trading.is_database_owner())
    order by s.scope <> 'system', trading.state_strictness(s.state) desc, s.set_at desc
    limit 1000;
end
$$;
comment on function public.read_trading_states is 'The rows of public.trading_states.';
grant execute on function public.read_trading_states to authenticated, service_role;

create view public.trading_states with (security_invoker = true) as select * from public.read_trading_states();
comment on view public.trading_states is
  'Trading states over the caller''s traders (operators and the database owner: all): of the system, the user, each portfolio, each account and each live trader, with mode (null: both), reason, author and since when. No row: active. The strictest one rules; a portfolio is resumed by its portfolio_id.';
revoke all on public.trading_states from public, anon, authenticated, service_role;
grant select on public.trading_states to authenticated, service_role;

-- Alerts without an owner are the installation's own.
alter policy alerts_select_owner on public.alerts
  using (user_id = (select auth.uid()) or (user_id is null and (select public.is_operator())));

reset role;

create policy fillbase_broadcast_select_operators on realtime.messages for select to authenticated
  using (realtime.messages.extension = 'broadcast' and realtime.topic() = 'operators' and (select public.is_operator()));
