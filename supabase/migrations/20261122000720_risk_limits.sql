-- Purpose: risk limits with every version they had, the platform's caps by rollout stage, and the tier that trading needs.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table public.risk_limits (
  id                            uuid primary key default gen_random_uuid(),
  user_id                       uuid not null,
  trader_id                     uuid references public.traders (id) on delete cascade,
  mode                          text check (mode in ('paper', 'live')),
  -- Size
  max_position_quote            trading.amount check (max_position_quote > 0),
  max_position_percent          numeric check (max_position_percent > 0 and max_position_percent <= 100),
  min_position_quote            trading.amount not null default 10 check (min_position_quote >= 0),
  max_order_quote               trading.amount check (max_order_quote > 0),
  max_exposure_quote            trading.amount check (max_exposure_quote > 0),
  max_exposure_percent          numeric check (max_exposure_percent > 0 and max_exposure_percent <= 100),
  max_open_positions            int check (max_open_positions > 0),
  max_open_positions_per_symbol int check (max_open_positions_per_symbol > 0),
  -- Loss
  max_loss_per_position         trading.amount check (max_loss_per_position > 0),
  max_daily_loss_quote          trading.amount check (max_daily_loss_quote > 0),
  max_daily_loss_percent        numeric check (max_daily_loss_percent > 0 and max_daily_loss_percent <= 100),
  max_drawdown_percent          numeric check (max_drawdown_percent > 0 and max_drawdown_percent <= 100),
  max_consecutive_losses        int check (max_consecutive_losses > 0),
  max_stop_distance_percent     numeric check (max_stop_distance_percent > 0 and max_stop_distance_percent <= 100),
  min_reward_risk               numeric check (min_reward_risk > 0 and min_reward_risk <= 1000),
  -- Order
  min_confidence                numeric check (min_confidence between 0 and 100),
  max_price_deviation_percent   numeric check (max_price_deviation_percent > 0 and max_price_deviation_percent <= 100),
  max_entry_deviation_percent   numeric check (max_entry_deviation_percent > 0 and max_entry_deviation_percent <= 100),
  max_spread_percent            numeric check (max_spread_percent > 0 and max_spread_percent <= 100),
  min_order_interval_seconds    int check (min_order_interval_seconds between 1 and 86400),
  -- Locks
  cooldown_seconds              int check (cooldown_seconds between 1 and 2592000),
  stop_guard_count              int check (stop_guard_count between 1 and 1000),
  stop_guard_window_seconds     int check (stop_guard_window_seconds between 1 and 2592000),
  stop_guard_pause_seconds      int check (stop_guard_pause_seconds between 1 and 2592000),
  low_profit_trades             int check (low_profit_trades between 1 and 1000),
  low_profit_window_seconds     int check (low_profit_window_seconds between 1 and 2592000),
  low_profit_min_quote          trading.amount check (low_profit_min_quote >= 0),
  low_profit_pause_seconds      int check (low_profit_pause_seconds between 1 and 2592000),
  version                       int not null default 1,
  created_at                    timestamptz not null default now(),
  updated_at                    timestamptz not null default now(),
  constraint risk_limits_scope_whole check ((trader_id is null) = (mode is not null)),
  -- least() leaves out what is null: a minimum is compared with the maxima that are set.
  constraint risk_limits_sizes_ordered check (coalesce(min_position_quote <= least(max_position_quote, max_order_quote, max_exposure_quote), true)),
  constraint risk_limits_stop_guard_whole check (num_nonnulls(stop_guard_count, stop_guard_window_seconds, stop_guard_pause_seconds) in (0, 3)),
  constraint risk_limits_low_profit_whole check
    (num_nonnulls(low_profit_trades, low_profit_window_seconds, low_profit_min_quote, low_profit_pause_seconds) in (0, 4))
);
comment on table  public.risk_limits is 'Limits of one trader, or (trader null) of all of a user''s traders of one mode. Both rows must pass, so the stricter wins; a trader without a row cannot trade.';
comment on column public.risk_limits.max_position_quote is 'Largest position in USDT, at the highest price its entry may pay.';
comment on column public.risk_limits.max_order_quote is 'Largest single order in USDT: a guard against a slipped finger or unit.';
comment on column public.risk_limits.max_exposure_quote is 'Largest sum of what open positions cost and resting entries reserve.';
comment on column public.risk_limits.max_loss_per_position is 'Largest loss in USDT if a position is sold at its stop, fees included; a gap can cost more.';
comment on column public.risk_limits.max_daily_loss_quote is 'At this loss of the UTC day (realized, and open losses) trading goes to reducing; an entry must also stay within it if every stop is hit.';
comment on column public.risk_limits.max_daily_loss_percent is 'The same in percent of the equity of the moment.';
comment on column public.risk_limits.max_drawdown_percent is 'At this fall of equity from its peak, open positions included, trading goes to reducing.';
comment on column public.risk_limits.max_consecutive_losses is 'After so many losing positions in a row trading goes to reducing until somebody resumes it.';
comment on column public.risk_limits.min_reward_risk is 'Gain at the nearest target over loss at the stop, both after fees, must be at least this.';
comment on column public.risk_limits.min_confidence is 'Entries need at least this confidence (0-100).';
comment on column public.risk_limits.max_price_deviation_percent is 'How far the order''s price may lie from the ask.';
comment on column public.risk_limits.max_entry_deviation_percent is 'How far the ask may have moved from the entry that the signal names.';
comment on column public.risk_limits.max_spread_percent is 'Widest spread, in percent of the mid price.';
comment on column public.risk_limits.min_order_interval_seconds is 'Least time between two entries.';
comment on column public.risk_limits.cooldown_seconds is 'After a stop loss the trader leaves that symbol alone for so long.';
comment on column public.risk_limits.stop_guard_count is 'So many stop losses within stop_guard_window_seconds lock the account for stop_guard_pause_seconds.';
comment on column public.risk_limits.low_profit_trades is 'So many closed positions of a symbol within low_profit_window_seconds that together made less than low_profit_min_quote lock it for low_profit_pause_seconds.';
create unique index risk_limits_trader_id_idx on public.risk_limits (trader_id) where trader_id is not null;
create unique index risk_limits_user_id_mode_idx on public.risk_limits (user_id, mode) where trader_id is null;
create index risk_limits_watched_idx on public.risk_limits (user_id)
  where num_nonnulls(max_daily_loss_quote, max_daily_loss_percent, max_drawdown_percent, max_consecutive_losses) > 0;

-- Versions ----------------------------------------------------------------------------------------------------------

create table trading.risk_limit_versions (
  limits_id  uuid not null,
  version    int not null,
  user_id    uuid not null,
  trader_id  uuid,
  mode       text,
  limits     jsonb not null,
  changed_by text not null,
  changed_at timestamptz not null,
  primary key (limits_id, version)
);
comment on table trading.risk_limit_versions is 'Every version a row of risk_limits had, whole and immutable; a verdict names the ones it was judged by.';
create index risk_limit_versions_user_id_idx on trading.risk_limit_versions (user_id, changed_at);

-- Triggers, not the command: a limit that somebody changes by hand has its version too.
create function trading.tg_risk_limits__raise_version() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.version := old.version + 1;
  return new;
end
$$;
create trigger risk_limits_100_raise_version before update on public.risk_limits
  for each row execute function trading.tg_risk_limits__raise_version();

create function trading.tg_risk_limits__keep_version() returns trigger
language plpgsql set search_path = ''
as $$
begin
  insert into trading.risk_limit_versions (limits_id, version, user_id, trader_id, mode, limits, changed_by, changed_at)
  values (new.id, new.version, new.user_id, new.trader_id, new.mode, jsonb_strip_nulls(to_jsonb(new)),
    coalesce((select auth.uid())::text, trading.actor()), new.updated_at);
  return null;
end
$$;
create trigger risk_limits_500_keep_version after insert or update on public.risk_limits
  for each row execute function trading.tg_risk_limits__keep_version();

create function trading.tg_risk_limit_versions__immutable() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.raise_error('FB403', 'limit_version_immutable', 'versions of limits are never changed or removed', '{}', 'Set new limits.');
  return null;
end
$$;
create trigger risk_limit_versions_100_immutable before update or delete on trading.risk_limit_versions
  for each row execute function trading.tg_risk_limit_versions__immutable();
create trigger risk_limit_versions_110_no_truncate before truncate on trading.risk_limit_versions
  for each statement execute function trading.tg_risk_limit_versions__immutable();

-- Rollout -----------------------------------------------------------------------------------------------------------

create table trading.rollout_stages (
  stage                text primary key,
  rank                 int not null unique,
  is_live              boolean not null,
  max_position_quote   trading.amount check (max_position_quote > 0),
  max_exposure_quote   trading.amount check (max_exposure_quote > 0),
  max_daily_loss_quote trading.amount check (max_daily_loss_quote > 0),
  constraint rollout_stages_live_is_capped check (not is_live or num_nulls(max_position_quote, max_exposure_quote, max_daily_loss_quote) = 0)
);
comment on table trading.rollout_stages is 'What the platform lets live limits be, by stage of the rollout (USDT). Rows an operator may change; paper is not capped.';
insert into trading.rollout_stages values
  ('paper_only', 0, false, null, null, null),
  ('testnet', 1, false, null, null, null),
  ('alpha', 2, true, 50, 50, 20),
  ('beta', 3, true, 100, 500, 50),
  ('gradual_10', 4, true, 100, 500, 50),
  ('gradual_25', 5, true, 250, 1000, 100),
  ('gradual_50', 6, true, 500, 2500, 250),
  ('general', 7, true, 1000, 5000, 500);

create table trading.rollout_members (
  user_id uuid primary key,
  stage   text not null references trading.rollout_stages (stage)
);
comment on table trading.rollout_members is 'The rollout stage of a user; without a row: paper_only.';
create index rollout_members_stage_idx on trading.rollout_members (stage);

create function trading.rollout_stage(p_user_id uuid) returns trading.rollout_stages
language plpgsql stable set search_path = ''
as $$
declare
  v_stage trading.rollout_stages;
begin
  select s.* into v_stage from trading.rollout_stages s
  where s.stage = coalesce((select m.stage from trading.rollout_members m where m.user_id = p_user_id), 'paper_only');
  return v_stage;
end
$$;
comment on function trading.rollout_stage is 'The user''s rollout stage with its caps.';

-- Tier --------------------------------------------------------------------------------------------------------------

alter table trading.settings add column required_tier text constraint settings_required_tier_known check (required_tier in ('free', 'pro', 'elite'));
comment on column trading.settings.required_tier is 'Tier that automatic entries need in user_subscriptions, active; null: none. A lapse stops entries, never exits.';

-- The table belongs to the product and may be missing, so the statement is bound when it runs.
create function trading.user_tier(p_user_id uuid) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_tier text;
begin
  if has_table_privilege(to_regclass('public.user_subscriptions'), 'select') is not true then
    return null;
  end if;
  execute 'select s.tier from public.user_subscriptions s where s.user_id = $1 and s.status = ''active'' limit 1' into v_tier using p_user_id;
  return v_tier;
end
$$;
comment on function trading.user_tier is 'The tier of the user''s active subscription; null: none, or nothing to read it from.';

alter table public.risk_limits enable row level security;
alter table trading.risk_limit_versions enable row level security;
alter table trading.rollout_stages enable row level security;
alter table trading.rollout_members enable row level security;
create policy risk_limits_select_owner on public.risk_limits for select to authenticated using (user_id = (select auth.uid()));
create policy risk_limit_versions_select_service on trading.risk_limit_versions for select to service_role using (true);
create policy rollout_stages_select_service on trading.rollout_stages for select to service_role using (true);
create policy rollout_members_select_service on trading.rollout_members for select to service_role using (true);
revoke all on public.risk_limits, trading.risk_limit_versions, trading.rollout_stages, trading.rollout_members
  from public, anon, authenticated, service_role;
grant select on public.risk_limits to authenticated, service_role;
grant select on trading.risk_limit_versions, trading.rollout_stages, trading.rollout_members to service_role;

reset role;

-- An installation that sells tiers keeps automatic trading for the highest one.
do $$
begin
  if to_regclass('public.user_subscriptions') is not null then
    grant select on public.user_subscriptions to fillbase_engine;
    update trading.settings set required_tier = 'elite';
  end if;
end
$$;
