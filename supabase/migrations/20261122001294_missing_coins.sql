-- Purpose: coins that are gone: dust is written down, positions are set aside for what they lack.
-- Locks:   ACCESS EXCLUSIVE on quarantines and positions while a column is added.

set role fillbase_engine;

alter table trading.quarantines add column missing_quantity trading.quantity not null default 0;
comment on column trading.quarantines.missing_quantity is 'Of code coins_missing: how much of the position''s base asset was not there when last compared.';
alter table public.positions add column written_off_quantity trading.quantity not null default 0;
comment on column public.positions.written_off_quantity is 'Base asset that was gone from the account and was written off at the value zero.';

create function trading.missing_coins(p_position_id uuid) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(sum(q.missing_quantity), 0) from trading.quarantines q where q.position_id = p_position_id and q.ended_at is null
  );
end
$$;
comment on function trading.missing_coins is 'How much of a position''s coins was not in its account when last compared; its stop guards the rest.';

-- What a comparison found missing may be just what a sell has executed and not shown fills for: it counts once. Were it gone
-- besides, a sale that is too large could only take managed coins: an account that lacks some was last found to have none of
-- the owner's own in that asset. What rests has locked its coins, whatever a comparison has found.
create function trading.quantity_there(p_position public.positions) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return greatest(p_position.quantity - least(greatest(trading.missing_coins(p_position.id), trading.unshown_quantity(p_position.id)), p_position.quantity),
    trading.guarded_quantity(p_position, trading.resting_guard(p_position.id)));
end
$$;
comment on function trading.quantity_there is 'How much of what the books hold for a position is there to be sold and guarded: not missing, and not sold without being shown yet.';

-- Coins that an order has sold by its fills, or had locked still when it said so or was ended at our word, were not missing, as far
-- as it cannot have meant others of its position. It is newer than the comparison, and the next one finds what is gone after all.
create function trading.take_back_missing(p_before public.orders, p_after public.orders, p_report jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_has_locked constant boolean := p_before.finished_at is null and p_report ? 'client_order_id' and (
    p_after.id = (trading.resting_guard(p_after.position_id)).id
    or exists (select from trading.exchange_calls c where c.order_id = p_after.id and c.action in ('cancel', 'replace')
      and (c.outcome = 'accepted' or c.reason = 'replace_half_done')));
  v_found      constant numeric := p_after.filled_quantity - p_before.filled_quantity
    + case when v_has_locked then p_after.quantity - p_after.venue_executed_quantity else 0 end;
begin
  update trading.quarantines q set missing_quantity = greatest(q.missing_quantity - v_found, p.quantity - (p_after.quantity - p_after.filled_quantity), 0)
  from public.positions p
  where p.id = p_after.position_id and q.position_id = p.id and q.code = 'coins_missing' and q.ended_at is null
    and q.missing_quantity > greatest(q.missing_quantity - v_found, p.quantity - (p_after.quantity - p_after.filled_quantity), 0);
  if found then
    perform trading.queue_protection(p_after.position_id, p_now);
    perform trading.hasten_exits(p_after.position_id, p_now);
  end if;
end
$$;
comment on function trading.take_back_missing is 'Has a position lack less, where a report of its sell shows that coins which were found missing were sold by it or rest in it.';

create function trading.write_down_dust(p_account_id uuid, p_asset text, p_quantity numeric, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := (select a.user_id from trading.accounts a where a.id = p_account_id);
  v_detail  jsonb := jsonb_build_object('asset', p_asset, 'quantity', trading.money_text(p_quantity));
  v_transaction_id uuid := gen_random_uuid();
begin
  update trading.dust_pools d set quantity = d.quantity - p_quantity,
    cost = case when d.quantity = p_quantity then 0 else d.cost - trading.divide_half_even(d.cost * p_quantity, d.quantity) end
  where d.account_id = p_account_id and d.asset = p_asset;
  insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
  select v_transaction_id, p_account_id, p_asset, e.bucket, e.amount, 'dust_gone', p_account_id, p_now
  from (values ('dust', -p_quantity), ('external', p_quantity)) as e (bucket, amount);
  perform trading.audit(p_now, 'dust_written_down', v_user_id, null, 'account', p_account_id::text, v_detail);
  perform trading.raise_alert(p_now, 'info', 'dust_missing', v_user_id, 'account', p_account_id || ':' || p_asset,
    format('Dust of %s was taken out of the exchange account; its pool was written down.', p_asset), v_detail);
end
$$;
comment on function trading.write_down_dust is 'Takes dust that is gone out of its pool and of the ledger, with an info alert.';

-- Who lacks coins already keeps that lack; what is more falls on what nothing guards, the newest first. What a stop has locked at
-- the exchange cannot have left: that comes last, for a stop may have ended and nobody know it yet.
create function trading.shares_of_missing(p_account_id uuid, p_asset text, p_missing numeric) returns table (position_id uuid, quantity numeric)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    with held as (
      select p.id, p.opened_at, p.quantity::numeric as quantity, trading.missing_coins(p.id) as lack, g.locked, p.quantity - g.locked as free
      from public.positions p join public.instruments i on i.symbol = p.symbol and i.base_asset = p_asset
      cross join lateral trading.guarded_quantity(p, trading.resting_guard(p.id)) g (locked)
      where p.account_id = p_account_id and not p.is_paper_trade and p.status in ('open', 'monitoring', 'closing') and p.quantity > 0
    ), portions as (
      select h.id, t.portion, sum(t.portion) over (order by t.turn, h.locked > 0, h.lack = 0, h.opened_at desc, h.id) as portions
      from held h cross join lateral (values (1, least(h.lack, h.free)), (2, h.free - least(h.lack, h.free)), (3, h.locked)) t (turn, portion)
    )
    select r.id, sum(greatest(least(r.portion, p_missing - (r.portions - r.portion)), 0)) from portions r group by r.id;
end
$$;
comment on function trading.shares_of_missing is 'How the coins that an account lacks of an asset are shared out among its open positions; all of them, with 0 for those that lack nothing.';

create function trading.apportion_missing(p_account_id uuid, p_asset text, p_missing numeric, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_share record;
begin
  for v_share in
    select p.id, p.symbol, p.quantity as held, s.quantity as missing
    from trading.shares_of_missing(p_account_id, p_asset, p_missing) s join public.positions p on p.id = s.position_id
    where s.quantity <> trading.missing_coins(p.id) order by p.opened_at desc, p.id
  loop
    if v_share.missing > 0 then
      perform trading.quarantine(p_account_id, v_share.symbol, v_share.id, 'coins_missing',
        format('The exchange account holds less %s than its open positions: the newest is set aside until somebody says what became of the coins.', p_asset),
        jsonb_build_object('missing', trading.money_text(v_share.missing), 'held', trading.money_text(v_share.held)), p_now);
    end if;
    update trading.quarantines q set missing_quantity = v_share.missing
    where q.position_id = v_share.id and q.code = 'coins_missing' and q.ended_at is null;
    perform trading.queue_protection(v_share.id, p_now);
    perform trading.hasten_exits(v_share.id, p_now);
  end loop;
end
$$;
comment on function trading.apportion_missing is 'Sets positions aside for the coins that an account lacks; nothing missing: those set aside before are whole again, but stay aside.';

create function trading.note_missing_coins(p_account_id uuid, p_asset text, p_missing numeric, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_dust numeric := coalesce((select b.amount from trading.balances b
    where b.account_id = p_account_id and b.asset = p_asset and b.bucket = 'dust'), 0);
begin
  if p_missing > 0 and p_missing <= v_dust then
    perform trading.write_down_dust(p_account_id, p_asset, p_missing, p_now);
    p_missing := 0;
  end if;
  perform trading.apportion_missing(p_account_id, p_asset, greatest(p_missing - v_dust, 0), p_now);
end
$$;
comment on function trading.note_missing_coins is 'What an account lacks of an asset: taken from the dust where that covers it, else from the positions (trading.shares_of_missing).';

reset role;
