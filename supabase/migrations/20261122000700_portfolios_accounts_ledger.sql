-- Purpose: portfolios, accounts, the double-entry ledger with its running balances, paper balances.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.portfolios (
  id          uuid primary key,
  user_id     uuid not null,
  mode        text not null check (mode in ('paper', 'live')),
  environment text not null default 'paper',
  version     bigint not null default 0,
  created_at  timestamptz not null,
  constraint portfolios_user_mode_unique unique (user_id, mode)
);
comment on table  trading.portfolios is 'One user''s traders of one mode: the scope of user-wide limits and the first lock.';
comment on column trading.portfolios.environment is 'Whose accounts, results and marks count in it: live, the environment of the key that was stored last (paper: none was yet).';
comment on column trading.portfolios.version is 'Rises with every message published for the portfolio, so a page sees what it missed.';

create table trading.environments (
  environment   text primary key,
  is_real_money boolean not null,
  is_remote     boolean not null
);
comment on table  trading.environments is 'Where an account can be: on paper, or in one of the exchange''s environments. What each is worth is said here alone.';
comment on column trading.environments.is_real_money is 'Whether its money is worth anything: only users whose rollout stage is live may connect it.';
comment on column trading.environments.is_remote is 'Whether it is on somebody else''s machine and goes by the wall clock.';
insert into trading.environments (environment, is_real_money, is_remote) values
  ('paper',      false, false),
  ('simulator',  false, false),
  ('testnet',    false, true),
  ('demo',       false, true),
  ('production', true,  true);

create table trading.accounts (
  id           uuid primary key,
  portfolio_id uuid not null references trading.portfolios (id),
  user_id      uuid not null,
  trader_id    uuid references public.traders (id) on delete set null,
  environment  text not null references trading.environments (environment),
  exchange_uid text,
  created_at   timestamptz not null,
  constraint accounts_uid_only_on_exchange check ((environment = 'paper') = (exchange_uid is null))
);
comment on table trading.accounts is 'Where the money is: a trader''s paper account, or one exchange account by its uid. Keys come and go, the account stays.';
create unique index accounts_exchange_uid_idx on trading.accounts (environment, exchange_uid);
create index accounts_portfolio_id_idx on trading.accounts (portfolio_id);
create index accounts_trader_id_idx on trading.accounts (trader_id);

create table trading.ledger_entries (
  id             bigint generated always as identity primary key,
  transaction_id uuid not null,
  account_id     uuid not null,
  asset          text not null,
  bucket         text not null check (bucket in ('cash', 'position', 'dust', 'fees', 'market', 'external')),
  amount         trading.amount not null,
  cause_type     text not null,
  cause_id       uuid not null,
  occurred_at    timestamptz not null,
  constraint ledger_entries_posting_unique unique (transaction_id, asset, bucket)
);
comment on table  trading.ledger_entries is 'Double entry per asset, immutable. The entries of one transaction are inserted by one statement and sum to zero per asset.';
comment on column trading.ledger_entries.account_id is 'Its existence is guarded where the balance of the entry is kept (trading.balances).';
comment on column trading.ledger_entries.bucket is 'cash and position are the account''s; dust is what cannot be sold; fees went to the exchange; market is the other side of trades; external is money in and out.';
create index ledger_entries_account_id_idx on trading.ledger_entries (account_id, asset, bucket);

create table trading.balances (
  account_id uuid not null references trading.accounts (id),
  asset      text not null,
  bucket     text not null,
  amount     trading.amount not null,
  primary key (account_id, asset, bucket)
) with (fillfactor = 70);
comment on table trading.balances is 'Running sums of ledger_entries, kept by its trigger and by nothing else.';

create function trading.tg_ledger_entries__post() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_open record;
begin
  select e.transaction_id, e.asset, sum(e.amount) as rest into v_open
  from posted e group by e.transaction_id, e.asset having sum(e.amount) <> 0 limit 1;
  if found then
    perform trading.raise_error('FB500', 'ledger_unbalanced', 'a ledger transaction does not sum to zero',
      jsonb_build_object('transaction_id', v_open.transaction_id, 'asset', v_open.asset, 'rest', v_open.rest));
  end if;
  insert into trading.balances as b (account_id, asset, bucket, amount)
  select e.account_id, e.asset, e.bucket, sum(e.amount) from posted e
  group by e.account_id, e.asset, e.bucket order by 1, 2, 3
  on conflict (account_id, asset, bucket) do update set amount = b.amount + excluded.amount;
  return null;
end
$$;
create trigger ledger_entries_500_post after insert on trading.ledger_entries
  referencing new table as posted for each statement execute function trading.tg_ledger_entries__post();

create function trading.tg_ledger_entries__immutable() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.raise_error('FB403', 'ledger_immutable', 'ledger entries are never changed or removed',
    '{}', 'Post a correcting transaction.');
  return null;
end
$$;
create trigger ledger_entries_100_immutable before update or delete on trading.ledger_entries
  for each row execute function trading.tg_ledger_entries__immutable();
create trigger ledger_entries_110_no_truncate before truncate on trading.ledger_entries
  for each statement execute function trading.tg_ledger_entries__immutable();

create table trading.dust_pools (
  account_id uuid not null references trading.accounts (id),
  asset      text not null,
  quantity   trading.quantity not null,
  cost       trading.amount not null,
  primary key (account_id, asset)
);
comment on table trading.dust_pools is 'Base assets left below the exchange''s minimum by closed positions, with the value they were closed at.';

create table public.paper_balances (
  account_id      uuid primary key references trading.accounts (id),
  trader_id       uuid unique references public.traders (id) on delete set null,
  user_id         uuid not null,
  initial_balance trading.amount not null,
  current_balance trading.amount not null,
  total_pnl       trading.amount not null default 0,
  total_trades    int not null default 0,
  winning_trades  int not null default 0,
  losing_trades   int not null default 0,
  reset_at        timestamptz not null,
  updated_at      timestamptz not null
);
comment on table  public.paper_balances is 'A paper account at a glance, in USDT, derived from the ledger and closed positions since reset_at.';
comment on column public.paper_balances.initial_balance is 'Start balance plus later top-ups, since reset_at.';
comment on column public.paper_balances.current_balance is 'Cash in the ledger; what open positions cost is not in it.';
create index paper_balances_user_id_idx on public.paper_balances (user_id);

alter table trading.portfolios enable row level security;
alter table trading.environments enable row level security;
alter table trading.accounts enable row level security;
alter table trading.ledger_entries enable row level security;
alter table trading.balances enable row level security;
alter table trading.dust_pools enable row level security;
alter table public.paper_balances enable row level security;
create policy portfolios_select_service on trading.portfolios for select to service_role using (true);
create policy environments_select_service on trading.environments for select to service_role using (true);
create policy accounts_select_service on trading.accounts for select to service_role using (true);
create policy ledger_entries_select_service on trading.ledger_entries for select to service_role using (true);
create policy balances_select_service on trading.balances for select to service_role using (true);
create policy dust_pools_select_service on trading.dust_pools for select to service_role using (true);
create policy paper_balances_select_owner on public.paper_balances for select to authenticated using (user_id = (select auth.uid()));
revoke all on trading.portfolios, trading.environments, trading.accounts, trading.ledger_entries, trading.balances, trading.dust_pools,
  public.paper_balances from public, anon, authenticated, service_role;
grant select on trading.portfolios, trading.environments, trading.accounts, trading.ledger_entries, trading.balances, trading.dust_pools to service_role;
grant select on public.paper_balances to authenticated, service_role;

create function trading.portfolio_id(p_user_id uuid, p_mode text) returns uuid
language sql immutable parallel safe
return trading.derived_id('portfolio', p_user_id::text, p_mode);
comment on function trading.portfolio_id is 'Id of a user''s portfolio of one mode.';

-- Of the trader and its owner: an id that comes back under another owner must not come with the money of the one before.
create function trading.paper_account_id(p_trader_id uuid, p_user_id uuid) returns uuid
language sql immutable parallel safe
return trading.derived_id('account', 'paper', p_trader_id::text, p_user_id::text);
comment on function trading.paper_account_id is 'Id of the paper account of a trader under that owner.';

create function trading.ensure_portfolio(p_user_id uuid, p_mode text, p_now timestamptz) returns uuid
language plpgsql volatile set search_path = ''
as $$
declare
  v_id uuid := trading.portfolio_id(p_user_id, p_mode);
begin
  if not exists (select from trading.portfolios where id = v_id) then
    insert into trading.portfolios (id, user_id, mode, created_at) values (v_id, p_user_id, p_mode, p_now)
    on conflict do nothing;
  end if;
  return v_id;
end
$$;
comment on function trading.ensure_portfolio is 'Id of the user''s portfolio of that mode, made on first use.';

-- Money in or out of a paper account: external against cash.
create function trading.fund_paper_account(p_account_id uuid, p_amount numeric, p_cause text, p_cause_id uuid, p_now timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
  select trading.derived_id(p_cause, p_account_id::text, p_cause_id::text), p_account_id, 'USDT', e.bucket, e.amount, p_cause, p_cause_id, p_now
  from (values ('external', -p_amount), ('cash', p_amount)) as e (bucket, amount);
end
$$;
comment on function trading.fund_paper_account is 'Posts p_amount USDT (negative: out) between external and cash, once per cause.';

create function trading.ensure_paper_account(p_trader public.traders, p_now timestamptz) returns trading.accounts
language plpgsql volatile set search_path = ''
as $$
declare
  v_account trading.accounts;
begin
  select * into v_account from trading.accounts where id = trading.paper_account_id(p_trader.id, p_trader.user_id);
  if found then
    return v_account;
  end if;
  insert into trading.accounts (id, portfolio_id, user_id, trader_id, environment, created_at)
  values (trading.paper_account_id(p_trader.id, p_trader.user_id), trading.ensure_portfolio(p_trader.user_id, 'paper', p_now),
          p_trader.user_id, p_trader.id, 'paper', p_now)
  on conflict do nothing
  returning * into v_account;
  if not found then
    select * into v_account from trading.accounts where id = trading.paper_account_id(p_trader.id, p_trader.user_id);
    return v_account;
  end if;
  if p_trader.paper_trade_balance > 0 then
    perform trading.fund_paper_account(v_account.id, p_trader.paper_trade_balance, 'paper_start', v_account.id, p_now);
  end if;
  insert into public.paper_balances (account_id, trader_id, user_id, initial_balance, current_balance, reset_at, updated_at)
  values (v_account.id, p_trader.id, p_trader.user_id, p_trader.paper_trade_balance, p_trader.paper_trade_balance, p_now, p_now);
  perform trading.audit(p_now, 'paper_account_opened', p_trader.user_id, p_trader.id, 'account', v_account.id::text,
    jsonb_build_object('balance', trading.money_text(p_trader.paper_trade_balance)));
  return v_account;
end
$$;
comment on function trading.ensure_paper_account is 'The trader''s paper account, opened with its start balance on first use. The caller holds the portfolio''s lock or accepts waiting on the insert.';

reset role;
