-- The schema of an installation that used the product before the engine came: the live tables with their policies,
-- triggers and publication, as its own migrations had left them. Run as role postgres on an otherwise empty project.

create table public.user_profiles (
  id           uuid primary key references auth.users (id) on delete cascade,
  email        text,
  display_name text,
  is_admin     boolean not null default false
);

create table public.user_subscriptions (
  id      uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  tier    text not null check (tier in ('free', 'pro', 'elite')),
  status  text not null check (status in ('active', 'cancelled', 'past_due'))
);

create table public.traders (
  id                   uuid primary key default gen_random_uuid(),
  user_id              uuid references auth.users (id) on delete cascade,
  name                 text not null,
  description          text not null,
  enabled              boolean default true,
  mode                 text default 'demo' check (mode in ('demo', 'live')),
  exchange_config      jsonb,
  filter               jsonb not null,
  strategy             jsonb not null,
  metrics              jsonb,
  execution_interval   text default '5m',
  is_built_in          boolean default false,
  access_tier          text default 'free' check (access_tier in ('anonymous', 'free', 'pro', 'elite')),
  auto_analyze_signals boolean default false,
  auto_execute_trades  boolean default false,
  version              int default 1,
  created_at           timestamptz default now(),
  updated_at           timestamptz default now()
);

create table public.signals (
  id                       uuid primary key default gen_random_uuid(),
  trader_id                uuid not null references public.traders (id) on delete cascade,
  user_id                  uuid,
  symbol                   text not null,
  interval                 text not null,
  timestamp                timestamptz not null,
  price_at_signal          numeric not null,
  change_percent_at_signal numeric,
  volume_at_signal         numeric,
  count                    int default 1,
  source                   text not null check (source in ('local', 'cloud')),
  machine_id               uuid,
  indicator_data           jsonb,
  status                   text default 'new',
  closed_at                timestamptz,
  created_at               timestamptz default now(),
  updated_at               timestamptz default now(),
  constraint signals_status_check
    check (status in ('new', 'monitoring', 'ready', 'in_position', 'completed', 'expired', 'archived'))
);

create table public.signal_analyses (
  id                   uuid primary key default gen_random_uuid(),
  signal_id            uuid not null references public.signals (id) on delete cascade,
  trader_id            uuid not null references public.traders (id) on delete cascade,
  user_id              uuid references auth.users (id) on delete cascade,
  decision             text not null check (decision in ('enter_trade', 'bad_setup', 'wait')),
  confidence           numeric(5, 2) not null check (confidence between 0 and 100),
  reasoning            text not null,
  key_levels           jsonb,
  trade_plan           jsonb,
  technical_indicators jsonb,
  raw_ai_response      text,
  analysis_latency_ms  int,
  gemini_tokens_used   int,
  model_name           text,
  created_at           timestamptz default now(),
  updated_at           timestamptz default now()
);

create table public.workflow_schedules (
  id                 uuid primary key default gen_random_uuid(),
  workflow_type      text not null check (workflow_type in ('signal_monitoring', 'position_management')),
  entity_id          uuid not null,
  trader_id          uuid references public.traders (id) on delete cascade,
  symbol             text not null,
  interval           text not null,
  last_run_at        timestamptz,
  last_candle_time   bigint,
  consecutive_errors int default 0,
  is_active          boolean default true,
  unique (workflow_type, entity_id)
);

create table public.monitoring_decisions (
  id         uuid primary key default gen_random_uuid(),
  signal_id  uuid not null references public.signals (id) on delete cascade,
  decision   text not null,
  confidence numeric,
  reasoning  text,
  details    jsonb,
  price      numeric,
  created_at timestamptz default now()
);

create table public.position_management_decisions (
  id          uuid primary key default gen_random_uuid(),
  position_id text not null,
  action      text not null,
  confidence  numeric,
  reasoning   text,
  details     jsonb,
  price       numeric,
  indicators  jsonb,
  created_at  timestamptz default now()
);

-- What an analysis meant for its signal before there was an engine.
create function public.apply_analysis_to_signal() returns trigger language plpgsql as $$
begin
  update public.signals set status = case new.decision
    when 'wait' then 'monitoring' when 'enter_trade' then 'ready' when 'bad_setup' then 'expired' end
  where id = new.signal_id;
  return new;
end
$$;
create trigger analysis_changes_signal after insert on public.signal_analyses
  for each row execute function public.apply_analysis_to_signal();

create function public.touch_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end
$$;
create trigger traders_touch before update on public.traders
  for each row execute function public.touch_updated_at();
create trigger signals_touch before update on public.signals
  for each row execute function public.touch_updated_at();

alter table public.user_profiles enable row level security;
alter table public.user_subscriptions enable row level security;
alter table public.traders enable row level security;
alter table public.signals enable row level security;
alter table public.signal_analyses enable row level security;
alter table public.workflow_schedules enable row level security;
alter table public.monitoring_decisions enable row level security;
alter table public.position_management_decisions enable row level security;

create policy "Own profile" on public.user_profiles for select using (auth.uid() = id);
create policy "Own subscription" on public.user_subscriptions for select using (auth.uid() = user_id);
create policy "Own traders" on public.traders for select using (auth.uid() = user_id);
create policy "Built-in traders are public" on public.traders for select using (is_built_in);
create policy "Create own traders" on public.traders for insert with check (auth.uid() = user_id and not is_built_in);
create policy "Update own traders" on public.traders for update using (auth.uid() = user_id);
create policy "Delete own traders" on public.traders for delete using (auth.uid() = user_id);
create policy "Signals of own traders" on public.signals for select
  using (exists (select 1 from public.traders t where t.id = trader_id and t.user_id = auth.uid()));
create policy "Signals by the backend" on public.signals for all to service_role using (true) with check (true);
create policy "Own analyses" on public.signal_analyses for select using (auth.uid() = user_id);
create policy "Analyses by the backend" on public.signal_analyses for all to service_role using (true) with check (true);
create policy "Schedules by the backend" on public.workflow_schedules for all to service_role using (true);
create policy "Monitoring by the backend" on public.monitoring_decisions for all to service_role using (true);
create policy "Management by the backend" on public.position_management_decisions for all to service_role using (true);

grant select, insert, update, delete on all tables in schema public to anon, authenticated, service_role;
alter publication supabase_realtime add table public.signal_analyses;
