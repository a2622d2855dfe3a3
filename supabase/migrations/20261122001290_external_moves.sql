-- Purpose: what an exchange account holds besides what the engine manages, and what moved there by other hands.
-- Locks:   SHARE on orders and positions while their indexes are built.

set role fillbase_engine;

create index orders_open_live_idx on public.orders (account_id) where not is_paper_trade and finished_at is null;
create index positions_open_live_idx on public.positions (account_id, symbol) where not is_paper_trade and status in ('open', 'monitoring', 'closing');
create index orders_exchange_order_idx on public.orders (account_id, symbol, binance_order_id) where not is_paper_trade;

create table trading.outside_holdings (
  account_id      uuid not null references trading.accounts (id),
  asset           text not null,
  quantity        trading.quantity not null,
  ledger_entry_id bigint not null,
  observed_at     timestamptz not null,
  primary key (account_id, asset)
);
comment on table  trading.outside_holdings is 'The owner''s own coins: what an exchange account holds of an asset beyond what the engine manages. Never touched.';
comment on column trading.outside_holdings.ledger_entry_id is 'Fees that the exchange took from these coins are counted up to this ledger entry.';

create table trading.outside_moves (
  id                bigint generated always as identity primary key,
  account_id        uuid not null references trading.accounts (id),
  kind              text not null check (kind in ('cash', 'coins', 'trade')),
  asset             text not null,
  quantity          trading.amount not null check (quantity <> 0),
  symbol            text,
  price             trading.price,
  exchange_trade_id text,
  noted_at          timestamptz not null,
  constraint outside_moves_trade_named check ((kind = 'trade') = (exchange_trade_id is not null) and (kind = 'trade') = (symbol is not null))
);
comment on table  trading.outside_moves is 'What moved in an exchange account by other hands than the engine''s: deposits, withdrawals, the owner''s own trades.';
comment on column trading.outside_moves.kind is
  'cash (USDT) and coins: what was held changed by so much, all of them add up to what moved. trade: one of the owner''s own trades that explains such a change, or the coins that a quarantine misses; it is part of it and does not add to it.';
comment on column trading.outside_moves.quantity is 'Of the asset: positive came, negative went.';
create index outside_moves_account_id_idx on trading.outside_moves (account_id, noted_at);
create unique index outside_moves_trade_idx on trading.outside_moves (account_id, symbol, exchange_trade_id) where kind = 'trade';

alter table trading.outside_holdings enable row level security;
alter table trading.outside_moves enable row level security;
create policy outside_holdings_select_service on trading.outside_holdings for select to service_role using (true);
create policy outside_moves_select_service on trading.outside_moves for select to service_role using (true);
revoke all on trading.outside_holdings, trading.outside_moves from public, anon, authenticated, service_role;
grant select on trading.outside_holdings, trading.outside_moves to service_role;

-- What there should be ----------------------------------------------------------------------------------------------

create function trading.managed_quantity(p_account_id uuid, p_asset text) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(sum(b.amount), 0) from trading.balances b
    where b.account_id = p_account_id and b.asset = p_asset and b.bucket in ('cash', 'position', 'dust')
  );
end
$$;
comment on function trading.managed_quantity is 'What the ledger says an exchange account holds of an asset: cash, open positions and dust.';

-- A fee in a third asset, such as BNB, is taken from the owner's coins: that is no move by another hand. What it takes beyond
-- them comes from coins of ours (trading.cover_fee).
create function trading.outside_balance(p_account_id uuid, p_asset text) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(max(h.quantity), 0) + coalesce((
      select sum(e.amount) from trading.ledger_entries e
      where e.account_id = p_account_id and e.asset = p_asset and e.bucket = 'external' and e.cause_type in ('trade', 'fee_taken')
        and e.id > coalesce(max(h.ledger_entry_id), 0)), 0)
    from trading.outside_holdings h where h.account_id = p_account_id and h.asset = p_asset
  );
end
$$;
comment on function trading.outside_balance is 'The owner''s own coins of an asset as last compared, less the fees charged to them since; negative: fees that they cannot have paid.';

create function trading.outside_quantity(p_account_id uuid, p_asset text) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select greatest(trading.outside_balance(p_account_id, p_asset), 0)
    from trading.outside_holdings h where h.account_id = p_account_id and h.asset = p_asset
  );
end
$$;
comment on function trading.outside_quantity is 'The owner''s own coins of an asset as last compared, less the fees taken from them since; null: none were ever seen.';

-- Coins that were found missing are still managed: somebody has to say what became of them. Until then nobody expects them.
create function trading.expected_quantity(p_account_id uuid, p_asset text) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return trading.managed_quantity(p_account_id, p_asset) + coalesce(trading.outside_quantity(p_account_id, p_asset), 0) - (
    select coalesce(sum(q.missing_quantity), 0) from trading.quarantines q join public.instruments i on i.symbol = q.symbol and i.base_asset = p_asset
    where q.account_id = p_account_id and q.ended_at is null);
end
$$;
comment on function trading.expected_quantity is 'What an exchange account holds of an asset by the books: what is managed and the owner''s own coins, less what the last comparison found missing.';

-- What a sell of this position could take besides its own coins: then the exchange refuses nothing, and that it accepted a
-- sell, or a stop for what an earlier sell was to sell, proves nothing.
create function trading.holds_other_coins(p_position public.positions) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select not exists (select from trading.account_checks c where c.account_id = p_position.account_id)
      or trading.expected_quantity(p_position.account_id, i.base_asset) - (p_position.quantity - trading.missing_coins(p_position.id)) >= i.lot_step
    from public.instruments i where i.symbol = p_position.symbol
  );
end
$$;
comment on function trading.holds_other_coins is
  'Whether the account holds more of a position''s base asset than the position, its owner''s own coins or another position''s; so it is taken to be while it was never compared.';

-- What moved --------------------------------------------------------------------------------------------------------

-- A trade is part of what moved and not more of it: it has an alert of its own, so that neither speaks for the other.
create function trading.outside_move_words(p_kind text, p_asset text, p_quantity numeric, p_trade jsonb) returns text
language sql immutable parallel safe
return case p_kind when 'trade' then
    format('The owner''s own trade at the exchange: %s %s %s at %s. It explains what moved there and does not add to it.',
      case when p_quantity > 0 then 'bought' else 'sold' end, trading.money_text(abs(p_quantity)), p_asset, p_trade ->> 'price')
  else
    format('%s %s %s the exchange account by other hands than the engine''s.',
      trading.money_text(abs(p_quantity)), p_asset, case when p_quantity > 0 then 'came into' else 'left' end)
  end;
comment on function trading.outside_move_words is 'What an owner reads about something that moved by other hands.';

create function trading.note_outside_move(
  p_account_id uuid, p_kind text, p_asset text, p_quantity numeric, p_now timestamptz, p_trade jsonb default '{}'
) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := (select a.user_id from trading.accounts a where a.id = p_account_id);
  v_detail  jsonb;
begin
  insert into trading.outside_moves (account_id, kind, asset, quantity, symbol, price, exchange_trade_id, noted_at)
  values (p_account_id, p_kind, p_asset, p_quantity, p_trade ->> 'symbol', (p_trade ->> 'price')::numeric, p_trade ->> 'trade_id', p_now)
  on conflict do nothing;
  if not found then
    return;
  end if;
  v_detail := jsonb_build_object('kind', p_kind, 'asset', p_asset, 'quantity', trading.money_text(p_quantity)) || p_trade;
  perform trading.audit(p_now, 'external_move', v_user_id, null, 'account', p_account_id::text, v_detail);
  perform trading.raise_alert(p_now, 'info', 'external_move', v_user_id, 'account',
    concat_ws(':', p_account_id, p_asset, case p_kind when 'trade' then 'trades' end), trading.outside_move_words(p_kind, p_asset, p_quantity, p_trade), v_detail);
end
$$;
comment on function trading.note_outside_move is 'Writes down, audits and tells the owner what moved by other hands; a trade once.';

-- Whatever the exchange holds of USDT is the account's cash, so the ledger follows it.
create function trading.book_outside_cash(p_account_id uuid, p_total numeric, p_now timestamptz) returns numeric
language plpgsql volatile set search_path = ''
as $$
declare
  v_moved numeric := p_total - trading.managed_quantity(p_account_id, 'USDT');
  v_transaction_id uuid := gen_random_uuid();
begin
  if v_moved = 0 then
    return 0;
  end if;
  insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
  select v_transaction_id, p_account_id, 'USDT', e.bucket, e.amount, 'outside_cash', p_account_id, p_now
  from (values ('external', -v_moved), ('cash', v_moved)) as e (bucket, amount);
  -- What the first comparison finds was there before: it is where the books begin.
  if exists (select from trading.account_checks c where c.account_id = p_account_id) then
    perform trading.note_outside_move(p_account_id, 'cash', 'USDT', v_moved, p_now);
  end if;
  return v_moved;
end
$$;
comment on function trading.book_outside_cash is 'Books deposits and withdrawals (and whatever else moved USDT outside of the engine) as external money, so that cash is p_total; returns the amount.';

create function trading.set_outside_quantity(p_account_id uuid, p_asset text, p_quantity numeric, p_is_move boolean, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_before numeric := coalesce(trading.outside_quantity(p_account_id, p_asset), 0);
begin
  insert into trading.outside_holdings as h (account_id, asset, quantity, ledger_entry_id, observed_at)
  values (p_account_id, p_asset, p_quantity, (select coalesce(max(e.id), 0) from trading.ledger_entries e where e.account_id = p_account_id and e.asset = p_asset
    and e.bucket = 'external'), p_now)
  on conflict (account_id, asset) do update set quantity = excluded.quantity, ledger_entry_id = excluded.ledger_entry_id, observed_at = excluded.observed_at;
  if p_is_move and p_quantity <> v_before then
    perform trading.note_outside_move(p_account_id, 'coins', p_asset, p_quantity - v_before, p_now);
  end if;
end
$$;
comment on function trading.set_outside_quantity is 'Remembers the owner''s own coins of an asset; p_is_move: a change is told, as it is not in the first comparison.';

reset role;
