-- Purpose: the product's live tables: created where the project is empty, extended in place where they exist.
-- Locks:   ACCESS EXCLUSIVE on traders and signals for the length of ADD COLUMN (no rewrite: constant defaults).

create table if not exists public.traders (
  id                   uuid primary key default gen_random_uuid(),
  user_id              uuid references auth.users (id) on delete set null,
  name                 text not null,
  description          text not null default '',
  enabled              boolean not null default true,
  mode                 text not null default 'demo' check (mode in ('demo', 'live')),
  exchange_config      jsonb,
  filter               jsonb not null default '{}',
  strategy             jsonb not null default '{}',
  metrics              jsonb,
  execution_interval   text not null default '5m',
  is_built_in          boolean not null default false,
  access_tier          text not null default 'free' check (access_tier in ('anonymous', 'free', 'pro', 'elite')),
  auto_analyze_signals boolean not null default false,
  auto_execute_trades  boolean not null default false,
  version              int not null default 1,
  created_at           timestamptz not null default now(),
  updated_at           timestamptz not null default now()
);

alter table public.traders
  add column if not exists paper_trade_mode      boolean not null default true,
  add column if not exists paper_trade_balance   numeric not null default 10000,
  add column if not exists entry_order_type      text    not null default 'market',
  add column if not exists entry_timeout_seconds int     not null default 300,
  add column if not exists max_slippage_percent  numeric not null default 0.5,
  add column if not exists sizing_method         text    not null default 'fixed_quote',
  add column if not exists sizing_value          numeric not null default 100,
  add column if not exists default_stop_percent  numeric,
  add column if not exists default_take_profit_percent numeric,
  add column if not exists signal_ttl_seconds    int     not null default 300;

do $$
begin
  if not exists (select from pg_constraint where conname = 'traders_execution_settings_sane') then
    alter table public.traders add constraint traders_execution_settings_sane check (
      entry_order_type in ('market', 'limit')
      and sizing_method in ('fixed_quote', 'equity_percent', 'risk_percent')
      and sizing_value > 0 and sizing_value < 1e12
      and (sizing_method = 'fixed_quote' or sizing_value <= 100)
      and paper_trade_balance >= 0 and paper_trade_balance < 1e12 and scale(paper_trade_balance) <= 8
      and entry_timeout_seconds between 1 and 604800
      and signal_ttl_seconds between 1 and 604800
      and max_slippage_percent >= 0 and max_slippage_percent <= 10
      and (default_stop_percent is null or (default_stop_percent > 0 and default_stop_percent < 100))
      and (default_take_profit_percent is null
           or (default_take_profit_percent > 0 and default_take_profit_percent <= 10000))
    );
  end if;
end
$$;

comment on table  public.traders is 'One AI strategy of one user, with its mode, sizing and limits. Rows without an owner are built in.';
comment on column public.traders.paper_trade_mode is 'True: paper. This rules, not the older column mode.';
comment on column public.traders.paper_trade_balance is 'USDT a new or reset paper account starts with.';
comment on column public.traders.entry_order_type is 'market: an IOC limit at the ask plus max_slippage_percent; limit: rests at the signal''s entry until entry_timeout_seconds.';
comment on column public.traders.max_slippage_percent is 'How far above the ask a market entry may pay, in percent.';
comment on column public.traders.sizing_method is 'fixed_quote: sizing_value USDT; equity_percent: that percent of equity; risk_percent: so much that the stop costs that percent of equity.';
comment on column public.traders.default_stop_percent is 'Stop distance below the entry, in percent, when a signal names none.';
comment on column public.traders.default_take_profit_percent is 'Target distance above the entry, in percent, when a signal names none.';
comment on column public.traders.signal_ttl_seconds is 'A decision older than this is not executed any more.';

create table if not exists public.signals (
  id                 uuid primary key default gen_random_uuid(),
  trader_id          uuid not null references public.traders (id) on delete cascade,
  user_id            uuid references auth.users (id) on delete set null,
  symbol             text not null,
  interval           text not null default '5m',
  timestamp          timestamptz not null default now(),
  price_at_signal    numeric,
  change_percent_at_signal numeric,
  volume_at_signal   numeric,
  count              int not null default 1,
  source             text not null default 'cloud' check (source in ('local', 'cloud')),
  machine_id         uuid,
  indicator_data     jsonb,
  status             text not null default 'new',
  closed_at          timestamptz,
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now()
);

alter table public.signals
  add column if not exists decision           text,
  add column if not exists decision_id        uuid,
  add column if not exists decision_count     int not null default 0,
  add column if not exists decided_at         timestamptz,
  add column if not exists confidence         numeric,
  add column if not exists levels             jsonb,
  add column if not exists rejection_code     text,
  add column if not exists rejection_reason   text;

comment on table  public.signals is 'A setup that a trader found on a symbol; carries the AI''s latest decision and levels.';
comment on column public.signals.decision is 'enter_trade, wait or bad_setup; writing it is what makes the engine act.';
comment on column public.signals.decision_id is 'Key of the decision: the analysis that made it, or derived from the signal. Each key is executed at most once.';
comment on column public.signals.levels is 'As the AI wrote them: {"entry", "stopLoss", "takeProfit": [..], "side"}; numbers or numeric strings, any part may be missing.';
comment on column public.signals.rejection_code is 'Stable code of why the last decision did not become a position.';
comment on column public.signals.rejection_reason is 'The same in words.';

-- An existing check on status is widened: what it allowed stays allowed, our states come in addition.
do $$
declare
  v_constraint record;
  v_states text[] := array['new', 'monitoring', 'ready', 'in_position', 'completed', 'expired', 'rejected'];
begin
  for v_constraint in
    select c.conname, pg_get_constraintdef(c.oid) as definition
    from pg_constraint c
    where c.conrelid = 'public.signals'::regclass and c.contype = 'c'
      and c.conkey = array[(select a.attnum from pg_attribute a
                            where a.attrelid = 'public.signals'::regclass and a.attname = 'status')]
  loop
    v_states := v_states || array(
      select m[1] from regexp_matches(v_constraint.definition, '''([^'']+)''', 'g') as m
      where m[1] <> all (v_states));
    execute format('alter table public.signals drop constraint %I', v_constraint.conname);
  end loop;
  execute format('alter table public.signals add constraint signals_status_known check (status = any (%L::text[]))', v_states);

  if not exists (select from pg_constraint where conname = 'signals_decision_known') then
    alter table public.signals add constraint signals_decision_known
      check (decision in ('enter_trade', 'wait', 'bad_setup'));
  end if;
end
$$;

create table if not exists public.signal_analyses (
  id                   uuid primary key default gen_random_uuid(),
  signal_id            uuid not null references public.signals (id) on delete cascade,
  trader_id            uuid not null references public.traders (id) on delete cascade,
  user_id              uuid references auth.users (id) on delete set null,
  decision             text not null check (decision in ('enter_trade', 'bad_setup', 'wait')),
  confidence           numeric(5, 2),
  reasoning            text,
  key_levels           jsonb,
  trade_plan           jsonb,
  technical_indicators jsonb,
  raw_ai_response      text,
  created_at           timestamptz not null default now(),
  updated_at           timestamptz not null default now()
);
comment on table public.signal_analyses is 'The AI''s history of decisions; each insert carries decision and levels onto the signal.';

create table if not exists public.workflow_schedules (
  id                 uuid primary key default gen_random_uuid(),
  workflow_type      text not null check (workflow_type in ('signal_monitoring', 'position_management')),
  entity_id          uuid not null,
  trader_id          uuid references public.traders (id) on delete cascade,
  symbol             text not null,
  interval           text not null,
  last_run_at        timestamptz,
  last_candle_time   bigint,
  consecutive_errors int not null default 0,
  is_active          boolean not null default true
);
comment on table public.workflow_schedules is 'Who is due for the AI at a candle close; a position''s row is made in the commit that opens it.';

create index if not exists signals_trader_id_idx on public.signals (trader_id);
create index if not exists signals_user_id_idx on public.signals (user_id);
create index if not exists traders_user_id_idx on public.traders (user_id);
create index if not exists signal_analyses_signal_id_idx on public.signal_analyses (signal_id);
create index if not exists signal_analyses_trader_id_idx on public.signal_analyses (trader_id);
create index if not exists signal_analyses_user_id_idx on public.signal_analyses (user_id);
create index if not exists workflow_schedules_trader_id_idx on public.workflow_schedules (trader_id);
create index if not exists workflow_schedules_entity_id_idx on public.workflow_schedules (entity_id);

alter table public.traders enable row level security;
alter table public.signals enable row level security;
alter table public.signal_analyses enable row level security;
alter table public.workflow_schedules enable row level security;

-- An installation that has policies keeps exactly those; an empty project gets the owner's rights.
do $$
begin
  if not exists (select from pg_policies where schemaname = 'public' and tablename = 'traders') then
    create policy traders_select_owner on public.traders for select to authenticated
      using (user_id = (select auth.uid()) or is_built_in);
    create policy traders_insert_owner on public.traders for insert to authenticated
      with check (user_id = (select auth.uid()) and not is_built_in);
    create policy traders_update_owner on public.traders for update to authenticated
      using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()) and not is_built_in);
    create policy traders_delete_owner on public.traders for delete to authenticated
      using (user_id = (select auth.uid()));
    revoke all on public.traders from public, anon, authenticated, service_role;
    grant select, insert, update, delete on public.traders to authenticated, service_role;
  end if;
  if not exists (select from pg_policies where schemaname = 'public' and tablename = 'signals') then
    create policy signals_select_owner on public.signals for select to authenticated
      using (exists (select from public.traders t where t.id = trader_id and t.user_id = (select auth.uid())));
    revoke all on public.signals from public, anon, authenticated, service_role;
    grant select on public.signals to authenticated;
    grant select, insert, update, delete on public.signals to service_role;
  end if;
  if not exists (select from pg_policies where schemaname = 'public' and tablename = 'signal_analyses') then
    create policy signal_analyses_select_owner on public.signal_analyses for select to authenticated
      using (exists (select from public.traders t where t.id = trader_id and t.user_id = (select auth.uid())));
    revoke all on public.signal_analyses from public, anon, authenticated, service_role;
    grant select on public.signal_analyses to authenticated;
    grant select, insert, update, delete on public.signal_analyses to service_role;
  end if;
  if not exists (select from pg_policies where schemaname = 'public' and tablename = 'workflow_schedules') then
    create policy workflow_schedules_select_owner on public.workflow_schedules for select to authenticated
      using (exists (select from public.traders t where t.id = trader_id and t.user_id = (select auth.uid())));
    revoke all on public.workflow_schedules from public, anon, authenticated, service_role;
    grant select on public.workflow_schedules to authenticated;
    grant select, insert, update, delete on public.workflow_schedules to service_role;
  end if;
end
$$;

grant select, update on public.traders, public.signals to fillbase_engine;
grant select on public.signal_analyses to fillbase_engine;
grant select, insert, update on public.workflow_schedules to fillbase_engine;
grant references on public.traders, public.signals to fillbase_engine;
