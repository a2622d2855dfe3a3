-- Purpose: exchange accounts, their keys in Vault, and the clocks of the exchange's environments.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.exchange_keys (
  id             uuid primary key default gen_random_uuid(),
  account_id     uuid not null references trading.accounts (id),
  user_id        uuid not null,
  label          text not null default '',
  last_four      text not null check (length(last_four) <= 4),
  api_key_id     uuid not null,
  secret_id      uuid not null,
  is_active      boolean not null default true,
  inactive_code  text,
  use_count      bigint not null default 0,
  last_used_at   timestamptz,
  verified_at    timestamptz,
  refused_at     timestamptz,
  refused_call_id bigint,
  created_at     timestamptz not null,
  ended_at       timestamptz,
  constraint exchange_keys_end_explained check (is_active = (inactive_code is null) and is_active = (ended_at is null))
);
comment on table  trading.exchange_keys is 'Keys of exchange accounts; what they say is in Vault. Keys come and go, the account stays.';
comment on column trading.exchange_keys.api_key_id is 'Vault''s id of the key; secret_id: of its secret.';
comment on column trading.exchange_keys.verified_at is 'When the exchange said that the key is of this account; until then nothing but that is asked with it.';
comment on column trading.exchange_keys.refused_at is 'When the exchange refused the key last, and at which call, if it has not taken it since.';
create unique index exchange_keys_one_active_per_user on trading.exchange_keys (user_id) where is_active;
create index exchange_keys_account_id_idx on trading.exchange_keys (account_id);

create table trading.exchange_clocks (
  environment    text primary key references trading.environments (environment),
  offset_ms      numeric not null,
  uncertainty_ms numeric not null check (uncertainty_ms >= 0),
  measured_at    timestamptz not null
);
comment on table trading.exchange_clocks is 'How far an exchange''s clock is ahead of this database''s, as of measured_at.';

alter table trading.exchange_keys enable row level security;
alter table trading.exchange_clocks enable row level security;
create policy exchange_keys_select_service on trading.exchange_keys for select to service_role using (true);
create policy exchange_clocks_select_service on trading.exchange_clocks for select to service_role using (true);
revoke all on trading.exchange_keys, trading.exchange_clocks from public, anon, authenticated, service_role;
grant select on trading.exchange_keys, trading.exchange_clocks to service_role;

create function trading.exchange_account_id(p_environment text, p_exchange_uid text) returns uuid
language sql immutable parallel safe
return trading.derived_id('account', p_environment, p_exchange_uid);
comment on function trading.exchange_account_id is 'Id of an exchange account: its environment and the exchange''s uid, whatever keys it has.';

create function trading.live_account(p_user_id uuid) returns trading.accounts
language plpgsql stable set search_path = ''
as $$
declare
  v_account trading.accounts;
begin
  select a.* into v_account from trading.exchange_keys k join trading.accounts a on a.id = k.account_id
  where k.user_id = p_user_id and k.is_active;
  return v_account;
end
$$;
comment on function trading.live_account is 'The exchange account that the user''s active key belongs to; all null: there is none.';

create function trading.trader_account_id(p_trader public.traders) returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  return case when p_trader.paper_trade_mode then trading.paper_account_id(p_trader.id, p_trader.user_id)
    else (trading.live_account(p_trader.user_id)).id end;
end
$$;
comment on function trading.trader_account_id is 'Where a trader''s money is: its paper account, or its owner''s exchange account (null: none).';

reset role;

-- Vault is postgres' and service_role's alone. The real text is set by update_secret, because create_secret writes what it
-- is given to heap and WAL in the clear first. Security definer, both: the engine's role has no rights on Vault.
create function trading.put_secret(p_text text, p_description text) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_id uuid := vault.create_secret(encode(extensions.gen_random_bytes(32), 'hex'), 'fillbase_key_' || gen_random_uuid(), p_description);
begin
  perform vault.update_secret(v_id, p_text);
  return v_id;
end
$$;
comment on function trading.put_secret is 'Stores a text in Vault and returns its id. For the engine''s key commands alone.';

create function trading.read_key_secret(p_id uuid) returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select s.decrypted_secret from vault.decrypted_secrets s
    where s.id = p_id and exists (select from trading.exchange_keys k where k.is_active and p_id in (k.api_key_id, k.secret_id))
  );
end
$$;
comment on function trading.read_key_secret is 'A text of an active exchange key. No other secret can be read through it.';
revoke execute on function trading.put_secret(text, text) from public, anon, authenticated, service_role;
revoke execute on function trading.read_key_secret(uuid) from public, anon, authenticated, service_role;
grant execute on function trading.put_secret(text, text) to fillbase_engine;
grant execute on function trading.read_key_secret(uuid) to fillbase_engine;

set role fillbase_engine;

create function trading.end_exchange_key(p_key_id uuid, p_code text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_key trading.exchange_keys;
begin
  update trading.exchange_keys k set is_active = false, inactive_code = p_code, ended_at = p_now
  where k.id = p_key_id and k.is_active returning * into v_key;
  if not found then
    return;
  end if;
  perform trading.audit(p_now, 'exchange_key_ended', v_key.user_id, null, 'account', v_key.account_id::text,
    jsonb_build_object('key_id', v_key.id, 'last_four', v_key.last_four, 'code', p_code));
end
$$;
comment on function trading.end_exchange_key is 'Makes a key inactive for good, and audits why.';

-- A database owner's command. The uid is what the exchange answers for this key; the first call with it asks for that, and
-- nothing else is done with it before. Security definer: keys and accounts are the engine's.
create function trading.connect_exchange_account(
  p_user_id uuid, p_environment text, p_exchange_uid text, p_api_key text, p_secret text, p_label text default '', p_now timestamptz default null
) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now     timestamptz := coalesce(p_now, trading.engine_now());
  v_where   trading.environments := (select e from trading.environments e where e.environment = p_environment and e.environment <> 'paper');
  v_id      uuid := trading.exchange_account_id(p_environment, p_exchange_uid);
  v_account trading.accounts;
  v_key_id  uuid;
begin
  if p_user_id is null or coalesce(p_exchange_uid, '') !~ '^[A-Za-z0-9_-]{1,64}$' or v_where.environment is null
    or coalesce(p_api_key, '') !~ '^[[:graph:]]+$' or length(p_api_key) not between 8 and 512 or length(coalesce(p_secret, '')) not between 8 and 8192 then
    perform trading.raise_error('FB400', 'key_invalid', 'a key names its user, environment (simulator, testnet, demo, production), the exchange''s uid, key and secret');
  end if;
  if v_where.is_real_money and not (trading.rollout_stage(p_user_id)).is_live then
    perform trading.raise_error('FB403', 'stage_forbids_live', 'the user''s rollout stage does not allow live trading',
      jsonb_build_object('stage', (trading.rollout_stage(p_user_id)).stage), 'An operator sets the stage in trading.rollout_members.');
  end if;
  perform trading.ensure_portfolio(p_user_id, 'live', v_now);
  perform trading.lock_portfolio(trading.portfolio_id(p_user_id, 'live'));
  insert into trading.accounts (id, portfolio_id, user_id, environment, exchange_uid, created_at)
  values (v_id, trading.portfolio_id(p_user_id, 'live'), p_user_id, p_environment, p_exchange_uid, v_now)
  on conflict do nothing;
  select * into v_account from trading.accounts a where a.id = v_id;
  if v_account.user_id <> p_user_id then
    perform trading.raise_error('FB409', 'account_taken', 'this exchange account belongs to another user');
  end if;
  -- A user has one active key: with that of another account nobody could sell what is held on this one.
  if exists (select from public.positions p where p.user_id = p_user_id and p.account_id <> v_id and not p.is_paper_trade and p.status not in ('closed', 'failed'))
    or exists (select from public.orders o where o.user_id = p_user_id and o.account_id <> v_id and not o.is_paper_trade and o.finished_at is null) then
    perform trading.raise_error('FB409', 'account_in_use', 'the user has open positions or orders on another exchange account', '{}',
      'Close them first, or store a key of that account.');
  end if;
  update trading.portfolios f set environment = p_environment where f.id = v_account.portfolio_id and f.environment <> p_environment;
  perform trading.end_exchange_key(k.id, 'replaced', v_now) from trading.exchange_keys k where k.user_id = p_user_id and k.is_active;
  insert into trading.exchange_keys (account_id, user_id, label, last_four, api_key_id, secret_id, created_at)
  values (v_id, p_user_id, coalesce(p_label, ''), right(p_api_key, 4), trading.put_secret(p_api_key, 'An exchange key''s public part.'),
    trading.put_secret(p_secret, 'An exchange key''s secret part.'), v_now)
  returning id into v_key_id;
  perform trading.audit(v_now, 'exchange_key_stored', p_user_id, null, 'account', v_id::text,
    jsonb_build_object('key_id', v_key_id, 'environment', p_environment, 'last_four', right(p_api_key, 4)));
  perform trading.queue_account_check(v_id, 'connected', v_now);
  return v_id;
end
$$;
comment on function trading.connect_exchange_account is
  'Stores a key of an exchange account in Vault and makes it the user''s active one; returns the account''s id. A database owner''s command; not callable over the API. FB400 key_invalid, FB403 stage_forbids_live, FB409 account_taken, account_in_use.';

reset role;
