-- The six tables of an earlier design of trading that was never used: names that ours need, in another shape, with
-- policies, triggers and rows.

create table public.exchange_accounts (
  id         uuid primary key default gen_random_uuid(),
  user_id    uuid not null references auth.users (id) on delete cascade,
  exchange   text not null,
  name       text not null,
  created_at timestamptz default now()
);

create table public.exchange_credentials (
  id         uuid primary key default gen_random_uuid(),
  account_id uuid not null references public.exchange_accounts (id) on delete cascade,
  api_key    text not null,
  created_at timestamptz default now()
);

create table public.positions (
  id          text primary key,
  account_id  uuid not null references public.exchange_accounts (id),
  symbol      text not null,
  contracts   numeric not null,
  margin      numeric,
  leverage    numeric,
  entry_price numeric,
  status      text not null
);

create table public.orders (
  id          text primary key,
  position_id text references public.positions (id),
  account_id  uuid not null references public.exchange_accounts (id),
  symbol      text not null,
  side        text not null,
  amount      numeric not null,
  price       numeric,
  status      text not null
);

create table public.trades (
  id       text primary key,
  order_id text not null references public.orders (id),
  price    numeric not null,
  amount   numeric not null
);

create table public.trade_audit_log (
  id      bigint generated always as identity primary key,
  user_id uuid,
  action  text not null,
  detail  jsonb,
  at      timestamptz default now()
);

create index positions_account_id_idx on public.positions (account_id);
create function public.log_old_order() returns trigger language plpgsql as $$
begin
  insert into public.trade_audit_log (action, detail) values ('order', to_jsonb(new));
  return new;
end
$$;

alter table public.exchange_accounts enable row level security;
alter table public.exchange_credentials enable row level security;
alter table public.positions enable row level security;
alter table public.orders enable row level security;
alter table public.trades enable row level security;
alter table public.trade_audit_log enable row level security;
create policy "Own accounts" on public.exchange_accounts for all using (auth.uid() = user_id);
create policy "Own credentials" on public.exchange_credentials for all
  using (exists (select 1 from public.exchange_accounts a where a.id = account_id and a.user_id = auth.uid()));
create policy "Own positions" on public.positions for all
  using (exists (select 1 from public.exchange_accounts a where a.id = account_id and a.user_id = auth.uid()));
create policy "Own orders" on public.orders for all
  using (exists (select 1 from public.exchange_accounts a where a.id = account_id and a.user_id = auth.uid()));
create policy "Trades of own orders" on public.trades for select
  using (exists (select 1 from public.orders o where o.id = order_id));
create policy "Own audit" on public.trade_audit_log for select using (auth.uid() = user_id);
grant select, insert, update, delete on all tables in schema public to anon, authenticated, service_role;

insert into public.exchange_accounts (id, user_id, exchange, name)
values ('e0000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000001', 'binance', 'Main');
insert into public.exchange_credentials (account_id, api_key)
values ('e0000000-0000-4000-8000-000000000001', 'not-a-real-key');
insert into public.positions (id, account_id, symbol, contracts, margin, leverage, entry_price, status) values
  ('pos-1', 'e0000000-0000-4000-8000-000000000001', 'BTC/USDT:USDT', 3, 12.5, 5, 27123.45, 'closed'),
  ('pos-2', 'e0000000-0000-4000-8000-000000000001', 'ETH/USDT:USDT', 1, 7.25, 2, 1811.5, 'open');
insert into public.orders (id, position_id, account_id, symbol, side, amount, price, status) values
  ('ord-1', 'pos-1', 'e0000000-0000-4000-8000-000000000001', 'BTC/USDT:USDT', 'buy', 3, 27123.45, 'filled'),
  ('ord-2', null, 'e0000000-0000-4000-8000-000000000001', 'ETH/USDT:USDT', 'buy', 1, null, 'open');
insert into public.trades (id, order_id, price, amount) values ('trd-1', 'ord-1', 27123.45, 3);
insert into public.trade_audit_log (user_id, action, detail)
values ('0a000000-0000-4000-8000-000000000001', 'signed up', '{"from": "a test"}');

create trigger orders_log after insert or update on public.orders
  for each row execute function public.log_old_order();
