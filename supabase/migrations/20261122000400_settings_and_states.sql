-- Purpose: settings of the installation, its operators, the engine's clock and the trading states (halts).
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.settings (
  id                          boolean primary key default true check (id),
  project_url                 text check (project_url ~ '^https?://'),
  installation_url            text,
  installation_secret_sha256  text,
  installation_tag            text not null default left(md5(gen_random_uuid()::text), 6),
  armed_at                    timestamptz,
  armed_by                    text,
  clock_at                    timestamptz,
  lease_ms                    int not null default 30000 check (lease_ms between 1000 and 600000),
  job_max_attempts            int not null default 8 check (job_max_attempts between 1 and 100),
  entry_batch                 int not null default 8 check (entry_batch between 1 and 50),
  invocation_paper_jobs       int not null default 150 check (invocation_paper_jobs between 1 and 10000),
  invocation_live_jobs        int not null default 30 check (invocation_live_jobs between 1 and 10000),
  max_workers                 int not null default 4 check (max_workers between 1 and 1000),
  invocation_ms               int not null default 45000 check (invocation_ms between 1000 and 120000),
  listen_ms                   int not null default 60000 check (listen_ms between 0 and 120000),
  max_price_age_ms            int not null default 10000 check (max_price_age_ms between 100 and 3600000),
  quote_retention_ms          int not null default 60000 check (quote_retention_ms between 1000 and 600000),
  paper_taker_fee             numeric not null default 0.001 check (paper_taker_fee >= 0 and paper_taker_fee < 0.1),
  paper_maker_fee             numeric not null default 0.001 check (paper_maker_fee >= 0 and paper_maker_fee < 0.1),
  paper_slippage_min          numeric not null default 0 check (paper_slippage_min >= 0),
  paper_slippage_max          numeric not null default 0.001 check (paper_slippage_max < 0.1),
  paper_impact_per_10k        numeric not null default 0 check (paper_impact_per_10k >= 0 and paper_impact_per_10k < 0.1),
  paper_latency_ms            int not null default 0 check (paper_latency_ms between 0 and 60000),
  paper_latency_jitter_ms     int not null default 0 check (paper_latency_jitter_ms between 0 and 60000),
  market_poll_symbols         int not null default 0 check (market_poll_symbols between 0 and 80),
  price_broadcast_ms          int not null default 1000 check (price_broadcast_ms between 0 and 60000),
  stop_overshoot_percent      numeric not null default 0.5 check (stop_overshoot_percent between 0 and 100),
  notify_state_changes        boolean not null default false,
  constraint settings_slippage_ordered check (paper_slippage_min <= paper_slippage_max),
  constraint settings_armed_whole check ((armed_at is null) = (installation_url is null)
    and (armed_at is null) = (installation_secret_sha256 is null) and (armed_at is null) = (armed_by is null))
);
comment on table  trading.settings is 'One row: how this installation runs. Changed by operators only.';
comment on column trading.settings.project_url is 'Base URL of the project for the doorbell; the Vault secret project_url is used where this is null.';
comment on column trading.settings.installation_url is 'SUPABASE_URL of the one installation this database is armed for; a copy or branch differs and stays halted.';
comment on column trading.settings.installation_tag is 'Prefix of every client order id, so that orders of this installation can be told from others.';
comment on column trading.settings.entry_batch is 'How many paper entries of one portfolio one transaction executes at most; its exits wait for it, a halt does not.';
comment on column trading.settings.max_workers is 'How many workers share the queue; as many again may end, guard and stop positions beside them.';
comment on column trading.settings.market_poll_symbols is 'How many symbols refresh-market keeps prices of at most, held ones always: 17 every 2 s, in turn (80 in 10 s); 0 leaves prices to another feed.';
comment on column trading.settings.stop_overshoot_percent is 'How far below its price, in percent of it, a stop may sell before its owner is alerted; public.stop_overshoots has them all.';
comment on column trading.settings.clock_at is 'Market time of a replay; null: the wall clock. Refused while a live account exists.';
comment on column trading.settings.paper_slippage_max is 'Paper market orders pay this fraction at most on top of the spread; drawn by seed.';
comment on column trading.settings.paper_impact_per_10k is 'Fraction of price added per 10,000 USDT of notional where no depth is known.';
insert into trading.settings default values;

create function trading.engine_now() returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce((select s.clock_at from trading.settings s), clock_timestamp())
  );
end
$$;
comment on function trading.engine_now is 'The engine''s time: the wall clock, or market time in a replay. Only outermost calls read it.';

create table trading.operators (
  user_id    uuid primary key,
  note       text not null default '',
  created_at timestamptz not null default now()
);
comment on table trading.operators is 'Who may act for everybody. Rows are added by the database owner, never by a user.';

create function trading.system_scope_id() returns uuid
language sql immutable parallel safe
return '00000000-0000-0000-0000-000000000000'::uuid;
comment on function trading.system_scope_id is 'The scope_id of the one state that is over all.';

create table trading.trading_states (
  scope      text not null check (scope in ('system', 'user', 'portfolio', 'account', 'trader')),
  scope_id   uuid not null,
  state      text not null default 'active' check (state in ('active', 'reducing', 'halted')),
  epoch      bigint not null default 0,
  flatten    boolean not null default false,
  reason     text not null default '',
  set_by     text not null default 'engine',
  set_at     timestamptz not null default now(),
  needs_operator boolean not null default false,
  resumed_after_job bigint,
  primary key (scope, scope_id),
  constraint trading_states_flatten_only_when_not_active check (not flatten or state <> 'active'),
  constraint trading_states_active_needs_nobody check (not needs_operator or state <> 'active')
);
comment on table trading.trading_states is
  'active, reducing (no entry) or halted (no entry and no AI) per system, user, portfolio (all of a user''s traders of one mode) and account, and per live trader, since live traders share an account. Each change away from active raises the epoch; a missing row means active, epoch 0.';
comment on column trading.trading_states.flatten is 'While it stands every open position of the scope is closed, and every fill that opens or enlarges one queues its close.';
comment on column trading.trading_states.needs_operator is 'An operator put somebody else''s scope here: only an operator resumes it.';
comment on column trading.trading_states.resumed_after_job is 'The newest job when it was last resumed: no decision that was queued by then comes to life again.';
create index trading_states_flatten_idx on trading.trading_states (scope, scope_id) where flatten;
insert into trading.trading_states (scope, scope_id) values ('system', trading.system_scope_id());

alter table trading.settings enable row level security;
alter table trading.operators enable row level security;
alter table trading.trading_states enable row level security;
create policy settings_select_service on trading.settings for select to service_role using (true);
create policy operators_select_service on trading.operators for select to service_role using (true);
create policy trading_states_select_service on trading.trading_states for select to service_role using (true);
revoke all on trading.settings, trading.operators, trading.trading_states from public, anon, authenticated, service_role;
grant select on trading.settings, trading.operators, trading.trading_states to service_role;

-- One key per gate. Gates take them shared and last, halts take them exclusive, so a halt waits for a commit, not for work.
create function trading.gate_key(p_scope text, p_scope_id uuid) returns bigint
language sql immutable parallel safe
return hashtextextended('gate:' || p_scope || ':' || p_scope_id::text, 0);
comment on function trading.gate_key is 'Advisory lock key of a halt gate (system, user, portfolio, account or live trader).';

create function trading.portfolio_key(p_portfolio_id uuid) returns bigint
language sql immutable parallel safe
return hashtextextended('portfolio:' || p_portfolio_id::text, 0);
comment on function trading.portfolio_key is 'Advisory lock key of a portfolio: the first lock of every command about money.';

create function trading.lock_portfolio(p_portfolio_id uuid) returns void
language plpgsql volatile strict set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(trading.portfolio_key(p_portfolio_id));
end
$$;
comment on function trading.lock_portfolio is 'Waits for the portfolio''s lock until the end of the transaction (55P03 after lock_timeout).';

-- Shared gates in the one order; what is read in the next statement is then true until this transaction ends.
create function trading.enter_gates(p_user_id uuid, p_portfolio_id uuid, p_account_id uuid, p_live_trader_id uuid) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- A row's columns are computed from left to right; one statement, because these are held while a halt waits.
  perform pg_advisory_xact_lock_shared(trading.gate_key('system', trading.system_scope_id())),
    pg_advisory_xact_lock_shared(trading.gate_key('user', p_user_id)),
    pg_advisory_xact_lock_shared(trading.gate_key('portfolio', p_portfolio_id)),
    pg_advisory_xact_lock_shared(trading.gate_key('account', p_account_id));
  if p_live_trader_id is not null then
    perform pg_advisory_xact_lock_shared(trading.gate_key('trader', p_live_trader_id));
  end if;
end
$$;
comment on function trading.enter_gates is 'Takes the halt gates of system, user, portfolio, account and (null on paper) live trader shared, in that order, as the last locks of a command.';

-- A stop of everyone says so before it does anything else, and entries make room: what it waits for is a processor. It is a
-- courtesy and no lock of the protocol: an entry looks, and never waits.
create function trading.stopping_key() returns bigint
language sql immutable parallel safe
return hashtextextended('stopping', 0);
comment on function trading.stopping_key is 'Advisory lock key that a stop of everyone holds while it is under way.';

create function trading.is_stopping() returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  if pg_try_advisory_lock_shared(trading.stopping_key()) then
    perform pg_advisory_unlock_shared(trading.stopping_key());
    return false;
  end if;
  return true;
end
$$;
comment on function trading.is_stopping is 'Whether a stop of everyone is under way and has not committed yet.';

create function trading.effective_state(
  p_user_id uuid, p_portfolio_id uuid, p_account_id uuid, p_live_trader_id uuid, out state text, out epoch bigint, out flatten boolean
)
language plpgsql stable set search_path = ''
as $$
begin
  select
    case when bool_or(s.state = 'halted') then 'halted' when bool_or(s.state = 'reducing') then 'reducing' else 'active' end,
    coalesce(sum(s.epoch), 0),
    coalesce(bool_or(s.flatten), false)
  into state, epoch, flatten
  from trading.trading_states s
  where (s.scope, s.scope_id) in (('system', trading.system_scope_id()), ('user', p_user_id),
    ('portfolio', p_portfolio_id), ('account', p_account_id), ('trader', p_live_trader_id));
end
$$;
comment on function trading.effective_state is 'The strictest state over system, user, portfolio, account and (null on paper) live trader; the epoch is the sum of theirs, so any halt changes it.';

-- What was queued before a resume is told by the order of jobs, whatever the clock said then. What was decided before it and
-- queued after it is told by the clock alone: a resume that it places in the future was given under a clock that was ahead,
-- and says nothing until somebody resumes again.
create function trading.was_stopped_since(
  p_user_id uuid, p_portfolio_id uuid, p_account_id uuid, p_live_trader_id uuid, p_job_id bigint, p_decided_at timestamptz, p_now timestamptz
) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from trading.trading_states s
    where s.state = 'active' and s.epoch > 0 and (s.resumed_after_job >= p_job_id or (s.set_at > p_decided_at and s.set_at <= p_now))
      and (s.scope, s.scope_id) in (('system', trading.system_scope_id()), ('user', p_user_id),
        ('portfolio', p_portfolio_id), ('account', p_account_id), ('trader', p_live_trader_id)));
end
$$;
comment on function trading.was_stopped_since is 'Whether the system, the user, the portfolio, the account or the live trader was taken away from active and resumed after a decision was made or its job queued.';

reset role;
