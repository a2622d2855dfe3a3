-- Purpose: the three commands that end a quarantine.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.require_owner_or_operator(p_owner uuid, p_what text, p_id uuid) returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_owner is not null and (public.is_operator() or trading.is_database_owner()) then
    return;
  end if;
  perform trading.require_owner(p_owner, p_what, p_id);
end
$$;
comment on function trading.require_owner_or_operator is 'FB404 <what>_not_found unless the caller owns the row or acts for everybody.';

create function trading.end_quarantine(p_quarantine trading.quarantines, p_command text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.quarantines q set ended_at = p_now, ended_by = p_command || ' ' || trading.caller_name() where q.id = p_quarantine.id and q.ended_at is null;
  update public.alerts a set resolved_at = p_now, resolved_by = trading.caller_name()
  where a.code = p_quarantine.code and a.resolved_at is null
    and a.subject_id = coalesce(p_quarantine.position_id::text, p_quarantine.account_id || ':' || p_quarantine.symbol);
  perform trading.audit(p_now, 'quarantine_ended', a.user_id, null, case when p_quarantine.position_id is null then 'symbol' else 'position' end,
    coalesce(p_quarantine.position_id::text, p_quarantine.symbol),
    jsonb_build_object('code', p_quarantine.code, 'account_id', p_quarantine.account_id, 'symbol', p_quarantine.symbol, 'command', p_command,
      'by', trading.caller_name()))
  from trading.accounts a where a.id = p_quarantine.account_id;
  -- A target that was reached meanwhile is reached again at the next price.
  update trading.engine_targets e set fired_at = null
  where e.position_id = p_quarantine.position_id and e.fired_at is not null
    and not exists (select from public.orders o where o.position_id = e.position_id and o.role = 'take_profit' and o.level = e.level and o.state = 'filled')
    and not exists (select from trading.jobs j where j.position_id = e.position_id and j.kind = 'exit' and j.status in ('queued', 'running'));
end
$$;
comment on function trading.end_quarantine is 'Ends one quarantine: audited with who did it by which command, its alert resolved, its targets armed again.';

-- What a position lacks ---------------------------------------------------------------------------------------------

-- A sale that nobody knows the fate of may be what took the coins: it has to be known first.
create function trading.require_missing(p_position public.positions, p_quantity numeric) returns trading.quarantines
language plpgsql stable set search_path = ''
as $$
declare
  v_quarantine trading.quarantines;
begin
  select * into v_quarantine from trading.quarantines q where q.position_id = p_position.id and q.code = 'coins_missing' and q.ended_at is null;
  -- What a closed position lacked is dust now, or was sold after all.
  if not found or p_position.status in ('closed', 'failed') then
    perform trading.raise_error('FB409', 'nothing_missing', 'no coins of this position are missing', jsonb_build_object('position_id', p_position.id));
  end if;
  if (p_quantity > 0 and p_quantity <> 'NaN' and p_quantity < 'Infinity' and scale(p_quantity) <= 18) is not true then
    perform trading.raise_error('FB400', 'quantity_invalid', 'the quantity is a positive number of the base asset');
  end if;
  if p_quantity > v_quarantine.missing_quantity then
    perform trading.raise_error('FB409', 'more_than_missing', 'more than what is missing',
      jsonb_build_object('missing', trading.money_text(v_quarantine.missing_quantity)));
  end if;
  if exists (select from trading.doubtful_orders(p_position.account_id) d where d.position_id = p_position.id and d.side = 'SELL') then
    perform trading.raise_error('FB409', 'sell_unproven', 'a sale of this position is not known to the end yet',
      jsonb_build_object('position_id', p_position.id), 'Try again when it is: it is asked about all the time.');
  end if;
  return v_quarantine;
end
$$;
comment on function trading.require_missing is 'The standing quarantine that covers p_quantity missing coins. FB400 quantity_invalid; FB409 nothing_missing, more_than_missing, sell_unproven.';

create function trading.explain_missing(p_quarantine trading.quarantines, p_quantity numeric, p_command text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.quarantines q set missing_quantity = q.missing_quantity - p_quantity where q.id = p_quarantine.id;
  if p_quantity = p_quarantine.missing_quantity then
    perform trading.end_quarantine(p_quarantine, p_command, p_now);
  end if;
  perform trading.queue_account_check(p_quarantine.account_id, p_command, p_now);
end
$$;
comment on function trading.explain_missing is 'Takes coins off what a position lacks, ends its quarantine when that was all, and has the account compared.';

create function trading.quarantine_answer(p_position_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('position_id', p.id, 'status', p.status, 'quantity', trading.money_text(p.quantity),
      'missing', trading.money_text(trading.missing_coins(p.id)),
      'is_quarantined', exists (select from trading.quarantines q where q.position_id = p.id and q.ended_at is null))
    from public.positions p where p.id = p_position_id
  );
end
$$;
comment on function trading.quarantine_answer is 'What the commands about a quarantined position answer.';

-- The comparison that missed the coins saw the cash that came for them: it was booked as money from outside, or will be, and
-- must not count twice.
create function trading.rebook_cash(p_account_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_check trading.account_checks := trading.last_check(p_account_id);
begin
  if v_check.unsettled_assets = '{}' and not v_check.differences @> '[{"kind": "balances_contradicted"}]' and not exists (
      select from public.positions p join public.trades t on t.position_id = p.id
      where p.account_id = p_account_id and t.recorded_at >= v_check.started_at and t.binance_trade_id not like 'external:%') then
    perform trading.book_outside_cash(p_account_id, b.free + b.locked, p_now)
    from trading.exchange_balances b where b.account_id = p_account_id and b.asset = 'USDT' and b.observed_at >= v_check.started_at;
  end if;
end
$$;
comment on function trading.rebook_cash is 'After a sale by hand was adopted: cash is what the exchange held when it was last compared, if nothing happened since.';

-- Where the exchange has shown sells by hand that cover the quantity, the price is theirs; else it is not far from the market.
create function trading.require_plausible_price(p_position public.positions, p_price numeric, p_quantity numeric) returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_low    numeric;
  v_high   numeric;
  v_market numeric := coalesce((select m.bid from public.market_prices m where m.symbol = p_position.symbol), p_position.entry_price);
begin
  select min(m.price), max(m.price) into v_low, v_high from trading.outside_moves m
  where m.account_id = p_position.account_id and m.kind = 'trade' and m.symbol = p_position.symbol and m.quantity < 0 and m.noted_at >= p_position.entry_time
  having -sum(m.quantity) >= p_quantity;
  v_low := coalesce(v_low, v_market / 2);
  v_high := coalesce(v_high, v_market * 2);
  if p_price not between v_low and v_high then
    perform trading.raise_error('FB400', 'price_implausible', 'nobody can have sold at this price',
      jsonb_build_object('lowest', trading.money_text(v_low), 'highest', trading.money_text(v_high)), 'Take the price from the exchange''s history of trades.');
  end if;
end
$$;
comment on function trading.require_plausible_price is
  'FB400 price_implausible for a sale by hand outside of the prices of the account''s own trades since the entry, where they cover the quantity, else further than a factor of two from the market.';

create function public.adopt_external_fill(
  p_position_id uuid, p_price numeric, p_quantity numeric, p_executed_at timestamptz, p_request_id uuid default gen_random_uuid()
) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now        timestamptz := trading.engine_now();
  v_position   public.positions;
  v_quarantine trading.quarantines;
  v_order      public.orders;
begin
  select * into v_position from public.positions p where p.id = p_position_id;
  perform trading.require_owner_or_operator(v_position.user_id, 'position', p_position_id);
  v_position := trading.lock_position(p_position_id);
  if not trading.is_new_request('adopt_external_fill', p_position_id, p_request_id, jsonb_build_object('price', trading.money_text(p_price),
    'quantity', trading.money_text(p_quantity), 'executed_at', p_executed_at), v_now) then
    return trading.quarantine_answer(p_position_id);
  end if;
  v_quarantine := trading.require_missing(v_position, p_quantity);
  if (p_price > 0 and p_price <> 'NaN' and p_price < 'Infinity' and scale(p_price) <= 18) is not true then
    perform trading.raise_error('FB400', 'price_invalid', 'the price is a positive number of the quote asset');
  end if;
  perform trading.require_plausible_price(v_position, p_price, p_quantity);
  if (p_executed_at between v_position.entry_time and v_now) is not true then
    perform trading.raise_error('FB400', 'moment_invalid', 'the sale lies between the position''s entry and now', jsonb_build_object('entry', v_position.entry_time));
  end if;
  v_order := trading.insert_live_sell(v_position, 'exit', 0, 'MARKET', p_quantity, null, null, 'external', v_now);
  perform trading.fold_report(v_order.id, jsonb_build_object('status', 'filled', 'executed_quantity', p_quantity, 'fills', jsonb_build_array(
    jsonb_build_object('trade_id', 'external:' || p_request_id, 'price', p_price, 'quantity', p_quantity, 'fee', 0, 'fee_asset', 'USDT',
      'executed_at', p_executed_at))), v_now);
  perform trading.rebook_cash(v_position.account_id, v_now);
  perform trading.audit(v_now, 'external_fill_adopted', v_position.user_id, v_position.trader_id, 'position', p_position_id::text,
    jsonb_build_object('by', trading.caller_name(), 'order_id', v_order.id, 'price', trading.money_text(p_price), 'quantity', trading.money_text(p_quantity),
      'executed_at', p_executed_at));
  perform trading.explain_missing(v_quarantine, p_quantity, 'adopt_external_fill', v_now);
  set constraints public.orders_900_confirm_permit, public.orders_910_confirm_permit, public.positions_900_flatten immediate;
  return trading.quarantine_answer(p_position_id);
end
$$;
comment on function public.adopt_external_fill is
  'The owner sold missing coins of a position by hand: books that sale (price and quantity before fees) as the position''s own exit; closes it when nothing is left. Once per p_request_id. Returns {position_id, status, quantity, missing, is_quarantined}. FB404 position_not_found; FB400 quantity_invalid, price_invalid, price_implausible, moment_invalid, request_id_missing; FB409 nothing_missing, more_than_missing, sell_unproven, request_conflict.';

-- At the value zero: nobody paid anything for them here, and equity falls by what they were worth either way. Whoever sold
-- them adopts the sale instead.
create function trading.take_off(p_position public.positions, p_quantity numeric, p_request_id uuid, p_now timestamptz) returns numeric
language plpgsql volatile set search_path = ''
as $$
declare
  v_cost numeric := case when p_quantity = p_position.quantity then p_position.cost
    else trading.divide_half_even(p_position.cost * p_quantity, p_position.quantity) end;
  v_position public.positions;
begin
  insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
  select trading.derived_id('write_off', p_position.id::text, p_request_id::text), p_position.account_id, i.base_asset, e.bucket, e.amount, 'write_off', p_position.id, p_now
  from public.instruments i, (values ('position', -p_quantity), ('external', p_quantity)) as e (bucket, amount) where i.symbol = p_position.symbol;
  perform trading.book_result(p_position.account_id, p_position.trader_id, -v_cost, p_now);
  update public.positions p set quantity = p.quantity - p_quantity, cost = p.cost - v_cost, realized_pnl = p.realized_pnl - v_cost,
    written_off_quantity = p.written_off_quantity + p_quantity, updated_at = p_now
  where p.id = p_position.id returning * into v_position;
  if (v_position.quantity = 0 or trading.is_unsellable(v_position)) and not exists (
      select from public.orders o where o.position_id = v_position.id and o.role = 'entry' and o.finished_at is null) then
    perform trading.begin_closing(v_position.id, 'written_off', p_now);
    select * into v_position from public.positions p where p.id = v_position.id;
    perform trading.close_position_row(v_position, p_now);
  else
    perform trading.sync_protection(v_position, p_now);
  end if;
  return v_cost;
end
$$;
comment on function trading.take_off is 'Takes coins that are gone out of a position at the value zero: ledger external, loss realized; closes it when nothing sellable is left. Returns the loss in quote.';

create function public.write_off(p_position_id uuid, p_quantity numeric, p_reason text, p_request_id uuid default gen_random_uuid()) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now        timestamptz := trading.engine_now();
  v_reason     text := trading.require_reason(p_reason);
  v_position   public.positions;
  v_quarantine trading.quarantines;
  v_loss       numeric;
begin
  select * into v_position from public.positions p where p.id = p_position_id;
  perform trading.require_owner_or_operator(v_position.user_id, 'position', p_position_id);
  v_position := trading.lock_position(p_position_id);
  if not trading.is_new_request('write_off', p_position_id, p_request_id,
    jsonb_build_object('quantity', trading.money_text(p_quantity), 'reason', v_reason), v_now) then
    return trading.quarantine_answer(p_position_id);
  end if;
  v_quarantine := trading.require_missing(v_position, p_quantity);
  v_loss := trading.take_off(v_position, p_quantity, p_request_id, v_now);
  perform trading.audit(v_now, 'position_written_off', v_position.user_id, v_position.trader_id, 'position', p_position_id::text,
    jsonb_build_object('by', trading.caller_name(), 'quantity', trading.money_text(p_quantity), 'loss', trading.money_text(v_loss), 'reason', v_reason));
  perform trading.explain_missing(v_quarantine, p_quantity, 'write_off', v_now);
  return trading.quarantine_answer(p_position_id);
end
$$;
comment on function public.write_off is
  'Missing coins of a position are gone (withdrawn, stolen): takes them off at the value zero, their cost as a realized loss; closes the position when nothing is left. Once per p_request_id. Returns {position_id, status, quantity, missing, is_quarantined}. FB404 position_not_found; FB400 quantity_invalid, reason_invalid, request_id_missing; FB409 nothing_missing, more_than_missing, sell_unproven, request_conflict.';

-- Release -----------------------------------------------------------------------------------------------------------

create function trading.disagreement(p_quarantine trading.quarantines, p_now timestamptz) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_check trading.account_checks := trading.last_check(p_quarantine.account_id);
  v_base  text := (select i.base_asset from public.instruments i where i.symbol = p_quarantine.symbol);
begin
  return case
    when v_check.started_at is null or v_check.started_at <= p_quarantine.began_at or v_check.started_at < p_now - interval '3 minutes'
      or v_check.differences @> '[{"kind": "balances_contradicted"}]' then 'not_compared'
    when p_quarantine.missing_quantity > 0 then 'coins_missing'
    when v_base = any (v_check.unsettled_assets) then 'unsettled'
    when v_check.differences @> jsonb_build_array(jsonb_build_object('kind', 'coins_missing', 'asset', v_base)) then 'coins_missing'
    when v_check.differences @> jsonb_build_array(jsonb_build_object('kind', 'order_believed_over', 'symbol', p_quarantine.symbol)) then 'order_believed_over'
    when v_check.differences @> jsonb_build_array(jsonb_build_object('kind', 'order_unexplained', 'symbol', p_quarantine.symbol)) then 'order_unexplained'
  end;
end
$$;
comment on function trading.disagreement is
  'What still speaks against ending a quarantine: not_compared (in the last three minutes, since it began), coins_missing, unsettled, order_believed_over, order_unexplained; null: books and exchange agree.';

create function trading.is_conflict_open(p_quarantine trading.quarantines) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return p_quarantine.code = 'report_conflict' and exists (
    select from trading.doubtful_orders(p_quarantine.account_id) d where d.id = (p_quarantine.detail ->> 'order_id')::uuid);
end
$$;
comment on function trading.is_conflict_open is 'Whether the order that a conflict is about still lacks what the exchange says of it.';

-- Nobody has to believe either side: the exchange is asked once more, and its answer folds or does not.
create function trading.ask_about_conflict(p_quarantine trading.quarantines, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.quarantines q set release_asked_by = trading.caller_name() where q.id = p_quarantine.id;
  perform trading.queue_order_sync((p_quarantine.detail ->> 'order_id')::uuid, 'release:' || p_quarantine.id, p_now);
end
$$;
comment on function trading.ask_about_conflict is 'Has the order of a conflict asked about again; what agrees then ends its quarantine.';

create function trading.end_conflict(p_order public.orders, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if p_order.venue_executed_quantity > p_order.filled_quantity then
    return;
  end if;
  perform trading.end_quarantine(q, 'release', p_now) from trading.quarantines q
  where q.position_id = p_order.position_id and q.ended_at is null and q.code = 'report_conflict' and q.release_asked_by is not null
    and q.detail ->> 'order_id' = p_order.id::text;
end
$$;
comment on function trading.end_conflict is 'Ends an order''s conflict that somebody wants released, now that a report of it agrees with the books.';

create function public.release(
  p_position_id uuid default null, p_symbol text default null, p_user_id uuid default null, p_request_id uuid default gen_random_uuid()
) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now        timestamptz := trading.engine_now();
  v_owner      uuid;
  v_quarantine trading.quarantines;
  v_obstacle   text;
  v_count      int := 0;
  v_asked      int := 0;
begin
  if (p_position_id is null) = (p_symbol is null) then
    perform trading.raise_error('FB400', 'subject_invalid', 'name either a position or a symbol');
  end if;
  v_owner := case when p_position_id is null then coalesce(p_user_id, (select auth.uid())) else (select p.user_id from public.positions p where p.id = p_position_id) end;
  perform trading.require_owner_or_operator(v_owner, case when p_position_id is null then 'symbol' else 'position' end, coalesce(p_position_id, v_owner));
  perform trading.lock_portfolio(trading.portfolio_id(v_owner, 'live'));
  if trading.is_new_request('release', coalesce(p_position_id, v_owner), p_request_id, jsonb_build_object('symbol', p_symbol), v_now) then
    for v_quarantine in
      select q.* from trading.quarantines q join trading.accounts a on a.id = q.account_id and a.user_id = v_owner
      where q.ended_at is null and (q.position_id = p_position_id or q.symbol = p_symbol) order by q.id
    loop
      if trading.is_conflict_open(v_quarantine) then
        perform trading.ask_about_conflict(v_quarantine, v_now);
        v_asked := v_asked + 1;
        continue;
      end if;
      v_obstacle := trading.disagreement(v_quarantine, v_now);
      if v_obstacle is not null then
        perform trading.raise_error('FB409', 'books_differ', 'books and exchange do not agree yet',
          jsonb_build_object('cause', v_obstacle, 'code', v_quarantine.code, 'symbol', v_quarantine.symbol, 'position_id', v_quarantine.position_id),
          'They are compared every minute; see trading.account_checks.');
      end if;
      perform trading.end_quarantine(v_quarantine, 'release', v_now);
      perform trading.queue_protection(v_quarantine.position_id, v_now);
      v_count := v_count + 1;
    end loop;
    if v_count + v_asked = 0 then
      perform trading.raise_error('FB409', 'not_quarantined', 'nothing of this is set aside');
    end if;
  end if;
  return jsonb_build_object('position_id', p_position_id, 'symbol', p_symbol, 'released', v_count, 'asked', v_asked);
end
$$;
comment on function public.release is
  'Ends the quarantines of a position, or of a symbol of the caller''s (or, for operators, p_user_id''s) exchange accounts, once a fresh comparison says that books and exchange agree. A report_conflict whose order is not settled is asked about again and ends when the answer agrees. Once per p_request_id. Returns {position_id, symbol, released, asked}. FB404 position_not_found, symbol_not_found; FB400 subject_invalid, request_id_missing; FB409 books_differ, not_quarantined, request_conflict.';

revoke execute on function public.adopt_external_fill, public.write_off, public.release from public, anon;
grant execute on function public.adopt_external_fill, public.write_off, public.release to authenticated, service_role;

reset role;
