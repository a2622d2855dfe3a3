-- Purpose: fees in a third asset that the exchange took from coins the engine manages, not from the owner's own.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.fee_takings (
  id          uuid primary key,
  account_id  uuid not null references trading.accounts (id),
  asset       text not null,
  position_id uuid references public.positions (id),
  trade_id    uuid references public.trades (id),
  quantity    trading.quantity not null check (quantity > 0),
  value       trading.amount not null,
  taken_at    timestamptz not null
);
comment on table  trading.fee_takings is 'Coins of a position, or of a pool of dust, that paid a fee of another position: an internal transfer at what that one was charged.';
comment on column trading.fee_takings.id is 'Also the transaction of its ledger entries (cause fee_taken).';
comment on column trading.fee_takings.position_id is 'Whose coins they were; null: dust.';
comment on column trading.fee_takings.trade_id is 'The fill whose fee they paid; null: a comparison found them gone, and fees booked since the last agreement explain it.';
comment on column trading.fee_takings.value is 'What the position was credited with, in quote. Dust is credited nothing: what it was worth is in the result of the position that left it.';
create index fee_takings_account_id_idx on trading.fee_takings (account_id, asset, taken_at);
create index fee_takings_position_id_idx on trading.fee_takings (position_id);
create index fee_takings_trade_id_idx on trading.fee_takings (trade_id);
alter table trading.fee_takings enable row level security;
create policy fee_takings_select_service on trading.fee_takings for select to service_role using (true);
revoke all on trading.fee_takings from public, anon, authenticated, service_role;
grant select on trading.fee_takings to service_role;

-- What a sell locks at the exchange nobody can take a fee from. A list locks its coins once; a sale that is to replace it is
-- counted besides, so this is the least that was free.
create function trading.unlocked_quantity(p_position public.positions) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select greatest(p_position.quantity - trading.missing_coins(p_position.id)
      - coalesce(max(o.quantity - o.filled_quantity) filter (where o.role in ('stop_loss', 'take_profit')), 0)
      - coalesce(sum(o.quantity - o.filled_quantity) filter (where o.role = 'exit'), 0), 0)
    from public.orders o where o.position_id = p_position.id and o.side = 'SELL' and o.finished_at is null
  );
end
$$;
comment on function trading.unlocked_quantity is 'How much of a live position is in no sell that rests at the exchange, or may be on its way there.';

create function trading.post_fee_taking(p_taking trading.fee_takings, p_bucket text) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.fee_takings select p_taking.*;
  insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
  select p_taking.id, p_taking.account_id, p_taking.asset, e.bucket, e.amount, 'fee_taken', coalesce(p_taking.trade_id, p_taking.account_id), p_taking.taken_at
  from (values (p_bucket, -p_taking.quantity), ('external', p_taking.quantity)) as e (bucket, amount);
  perform trading.audit(p_taking.taken_at, 'fee_taken', a.user_id, p.trader_id, case when p.id is null then 'account' else 'position' end,
    coalesce(p.id, a.id)::text, jsonb_build_object('asset', p_taking.asset, 'quantity', trading.money_text(p_taking.quantity),
      'value', trading.money_text(p_taking.value), 'trade_id', p_taking.trade_id))
  from trading.accounts a left join public.positions p on p.id = p_taking.position_id where a.id = p_taking.account_id;
end
$$;
comment on function trading.post_fee_taking is 'Writes down coins that paid a fee: their row, their way in the ledger from p_bucket back to external, which the fee had been charged to, and the audit.';

-- Like a sale at what the fee was charged at: the position that paid it bears it, so this one is made whole.
create function trading.take_fee_from_position(p_position public.positions, p_taking trading.fee_takings) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_cost     numeric := case when p_taking.quantity = p_position.quantity then p_position.cost
    else trading.divide_half_even(p_position.cost * p_taking.quantity, p_position.quantity) end;
  v_step     numeric := (select i.lot_step from public.instruments i where i.symbol = p_position.symbol);
  v_position public.positions;
begin
  perform trading.post_fee_taking(p_taking, 'position');
  perform trading.book_result(p_position.account_id, p_position.trader_id, p_taking.value - v_cost, p_taking.taken_at);
  update public.positions p set quantity = p.quantity - p_taking.quantity, cost = p.cost - v_cost, realized_pnl = p.realized_pnl + p_taking.value - v_cost,
    is_pnl_provisional = p.is_pnl_provisional or p_taking.value = 0, updated_at = p_taking.taken_at
  where p.id = p_position.id returning * into v_position;
  if trading.is_unsellable(v_position) and not exists (
      select from public.orders o where o.position_id = v_position.id and o.finished_at is null) then
    perform trading.begin_closing(v_position.id, 'dust', p_taking.taken_at);
    select * into v_position from public.positions p where p.id = v_position.id;
    perform trading.close_position_row(v_position, p_taking.taken_at);
  elsif trading.floor_to_step(v_position.quantity, v_step) < trading.floor_to_step(p_position.quantity, v_step) then
    perform trading.sync_protection(v_position, p_taking.taken_at);
  end if;
end
$$;
comment on function trading.take_fee_from_position is
  'Takes coins that paid a fee off a position: its cost by their share, the difference to their value realized; closes what cannot be sold any more, and fits the stop where a lot step is gone.';

-- Dust first, then what no sell locks of the positions, the one opened first before the others. p_rate: quote for one of the
-- asset; null: nobody knows.
create function trading.take_fee_coins(
  p_account_id uuid, p_asset text, p_quantity numeric, p_rate numeric, p_trade public.trades, p_now timestamptz
) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_left     numeric := p_quantity;
  v_part     numeric := least(p_quantity, coalesce((select d.quantity::numeric from trading.dust_pools d where d.account_id = p_account_id and d.asset = p_asset), 0));
  v_position public.positions;
  v_cause    text := coalesce(p_trade.id, gen_random_uuid())::text;
begin
  if v_part > 0 then
    update trading.dust_pools d set quantity = d.quantity - v_part,
      cost = case when d.quantity = v_part then 0 else d.cost - trading.divide_half_even(d.cost * v_part, d.quantity) end
    where d.account_id = p_account_id and d.asset = p_asset;
    perform trading.post_fee_taking(row(trading.derived_id('fee_taken', v_cause, 'dust'), p_account_id, p_asset, null, p_trade.id, v_part, 0, p_now), 'dust');
    v_left := v_left - v_part;
  end if;
  for v_position in
    select p.* from public.positions p join public.instruments i on i.symbol = p.symbol and i.base_asset = p_asset
    where p.account_id = p_account_id and not p.is_paper_trade and p.status in ('open', 'monitoring', 'closing') and p.quantity > 0
      and p.id is distinct from p_trade.position_id -- The fill's own was accounted for with it.
    order by p.opened_at, p.id
  loop
    v_part := least(v_left, trading.unlocked_quantity(v_position));
    continue when v_part <= 0;
    perform trading.take_fee_from_position(v_position, row(trading.derived_id('fee_taken', v_cause, v_position.id::text), p_account_id, p_asset,
      v_position.id, p_trade.id, v_part, coalesce(v_part * p_rate, 0), p_now));
    v_left := v_left - v_part;
  end loop;
end
$$;
comment on function trading.take_fee_coins is 'Takes up to p_quantity of an asset that paid fees out of dust and of what is not locked of positions, dust first, then the position opened first.';

-- Fees are the owner's to pay while there are coins of the owner's own. What is more, the exchange took from what was free of ours.
create function trading.cover_fee(p_trade public.trades, p_base text, p_quote text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_charged numeric := case p_trade.fee_asset when p_quote then 0 when p_base then p_trade.fee_outside else p_trade.fee end;
  v_lacking numeric;
begin
  if p_trade.is_paper_trade or v_charged = 0 or not exists (select from trading.account_checks c where c.account_id = p_trade.account_id) then
    return;
  end if;
  v_lacking := least(v_charged, -trading.outside_balance(p_trade.account_id, p_trade.fee_asset));
  if v_lacking > 0 then
    perform trading.take_fee_coins(p_trade.account_id, p_trade.fee_asset, v_lacking, trading.divide_half_even(p_trade.fee_quote, p_trade.fee), p_trade, p_now);
  end if;
end
$$;
comment on function trading.cover_fee is
  'Takes what a recorded fill''s fee cost beyond the owner''s own coins from the dust and positions in its asset. On paper, and before the account was ever compared, nothing.';

-- Comparison --------------------------------------------------------------------------------------------------------

create function trading.last_agreement(p_account_id uuid, p_asset text) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select max(c.started_at) from trading.account_checks c
    where c.account_id = p_account_id and p_asset <> all (c.unsettled_assets) and not c.differences @> jsonb_build_array(jsonb_build_object('asset', p_asset))
      and not c.differences @> '[{"kind": "balances_contradicted"}]'
  );
end
$$;
comment on function trading.last_agreement is 'When the last comparison began that believed the balances and found no difference in an asset; null: none did.';

create function trading.fees_since(p_account_id uuid, p_asset text, p_since timestamptz, out quantity numeric, out rate numeric)
language plpgsql stable set search_path = ''
as $$
begin
  select coalesce(sum(t.fee), 0), case when count(t.fee_quote) = count(*) then trading.divide_half_even(sum(t.fee_quote), nullif(sum(t.fee), 0)) end
  into quantity, rate
  from public.trades t join public.instruments i on i.symbol = t.symbol
  where t.account_id = p_account_id and t.fee_asset = p_asset and p_asset not in (i.base_asset, i.quote_asset) and t.recorded_at >= coalesce(p_since, '-infinity');
  quantity := quantity - coalesce((
    select sum(k.quantity) from trading.fee_takings k
    where k.account_id = p_account_id and k.asset = p_asset and k.taken_at >= coalesce(p_since, '-infinity')), 0);
end
$$;
comment on function trading.fees_since is 'Fees in a third asset recorded since a moment, less what coins of ours have paid of them, and what one of the asset was worth on average.';

-- The owner's own coins may have left before the fees came: then the books charged fees to coins that were not there any more.
create function trading.explain_by_fees(p_account_id uuid, p_asset text, p_missing numeric, p_now timestamptz) returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_fees record;
  v_free numeric;
begin
  if p_missing <= 0 then
    return false;
  end if;
  v_fees := trading.fees_since(p_account_id, p_asset, trading.last_agreement(p_account_id, p_asset));
  select coalesce((select d.quantity::numeric from trading.dust_pools d where d.account_id = p_account_id and d.asset = p_asset), 0)
    + coalesce(sum(trading.unlocked_quantity(p)), 0) into v_free
  from public.positions p join public.instruments i on i.symbol = p.symbol and i.base_asset = p_asset
  where p.account_id = p_account_id and not p.is_paper_trade and p.status in ('open', 'monitoring', 'closing');
  if p_missing > least(v_fees.quantity, v_free) then
    return false;
  end if;
  perform trading.take_fee_coins(p_account_id, p_asset, p_missing, v_fees.rate, null, p_now);
  return true;
end
$$;
comment on function trading.explain_by_fees is
  'Takes coins that an account lacks as fees, where they are no more than the fees booked since it last agreed and no sell locks them; whether it did.';

-- A sale that was on its way when the fee was taken counted as locked; the exchange refused it, so its coins were not.
create function trading.take_uncovered_fees(p_account_id uuid, p_asset text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_lacking numeric := -trading.outside_balance(p_account_id, p_asset);
  v_fees    record;
begin
  if v_lacking > 0 then
    v_fees := trading.fees_since(p_account_id, p_asset, trading.last_agreement(p_account_id, p_asset));
    perform trading.take_fee_coins(p_account_id, p_asset, least(v_lacking, v_fees.quantity), v_fees.rate, null, p_now);
  end if;
end
$$;
comment on function trading.take_uncovered_fees is 'After a sell was refused for want of coins: takes the fees that the owner''s own coins cannot have paid, as far as they were booked since the account last agreed.';

reset role;
