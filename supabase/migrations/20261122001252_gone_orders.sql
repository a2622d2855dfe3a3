-- Purpose: an order of ours that the exchange does not know any more: what is asked about it, and when it counts as gone.
-- Locks:   ACCESS EXCLUSIVE on venue_orders while a column is added.

set role fillbase_engine;

alter table trading.venue_orders add column seen_at timestamptz;
comment on column trading.venue_orders.seen_at is 'When the exchange last told of the order itself; only what it does not find after that speaks for its being gone.';

create function trading.last_seen(p_order_id uuid) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce((select v.seen_at from trading.venue_orders v where v.order_id = p_order_id), '-infinity');
end
$$;
comment on function trading.last_seen is 'When the exchange last told of an order; -infinity: never.';

-- An exchange that was wiped counts its orders from the beginning again: another one may have the number.
create function trading.is_not_found(p_call trading.exchange_calls, p_client_order_id text) returns boolean
language sql immutable
return p_call.action = 'lookup' and coalesce(p_call.reason = 'order_not_found'
    or (p_call.outcome = 'accepted' and p_call.answer #>> '{order,client_order_id}' <> p_client_order_id), false);
comment on function trading.is_not_found is 'Whether a lookup, by either id, did not find the order with this client id.';

create function trading.is_asked_for_proof(p_call trading.exchange_calls, p_client_order_id text) returns boolean
language sql immutable
return coalesce(trading.is_not_found(p_call, p_client_order_id)
    or (p_call.outcome = 'accepted' and (p_call.action = 'open_orders' or (p_call.action = 'fills' and p_call.request ? 'since_ms'))), false);
comment on function trading.is_asked_for_proof is 'Whether an answer about an order that should rest is a piece of the proof that it is gone.';

-- A list ends as a whole: what is said of one leg is a doubt about the other. A leg that has ended, or executed anything, took
-- the other one along.
create function trading.is_doubted(p_order public.orders) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from public.orders l join trading.exchange_calls c on c.order_id = l.id
    where l.position_id = p_order.position_id and (l.id = p_order.id or l.order_list_id = p_order.order_list_id)
      and c.permitted_at > trading.last_seen(p_order.id)
      and c.action in ('lookup', 'cancel') and c.request ? 'client_order_id' and c.reason = 'order_not_found')
    or exists (
    select from public.orders l
    where l.position_id = p_order.position_id and l.order_list_id = p_order.order_list_id and l.id <> p_order.id
      and (l.finished_at is not null or l.venue_executed_quantity > 0) and l.updated_at > trading.last_seen(p_order.id));
end
$$;
comment on function trading.is_doubted is
  'Whether since the exchange last told of an order it has not found that or the other leg of its list, or has told that the other leg ended or executed something.';

-- Readers at the exchange may be behind, so no single answer counts: two looks half a minute apart, the matching engine that
-- has none to cancel, and after both a list of the open orders without it, and no execution that could be its own.
create function trading.gone_proof(
  p_order public.orders, p_now timestamptz, out next_call text, out is_proven boolean, out exchange_order_id text, out looks bigint
)
language plpgsql stable set search_path = ''
as $$
declare
  c_apart  constant interval := '30 seconds';
  c_fresh  constant interval := '30 seconds';
  v_seen   timestamptz := trading.last_seen(p_order.id);
  v_first  timestamptz;
  v_second timestamptz;
  v_list   trading.exchange_calls;
  v_trades trading.exchange_calls;
begin
  is_proven := false;
  select count(*), min(c.permitted_at) into looks, v_first from trading.exchange_calls c
  where c.order_id = p_order.id and c.request ? 'client_order_id' and c.permitted_at > v_seen and trading.is_not_found(c, p_order.client_order_id);
  select min(c.permitted_at) into v_second from trading.exchange_calls c
  where c.order_id = p_order.id and c.request ? 'client_order_id' and c.permitted_at >= v_first + c_apart and trading.is_not_found(c, p_order.client_order_id);
  if v_second is null then
    return;
  end if;
  if not exists (select from trading.exchange_calls c where c.order_id = p_order.id and c.action = 'cancel' and c.reason = 'order_not_found'
    and c.permitted_at >= v_second) then
    next_call := 'cancel';
    return;
  end if;
  if p_order.binance_order_id is not null and not exists (select from trading.exchange_calls c where c.order_id = p_order.id
    and c.request ->> 'exchange_order_id' = p_order.binance_order_id and c.permitted_at >= v_second and trading.is_not_found(c, p_order.client_order_id)) then
    next_call := 'lookup';
    exchange_order_id := p_order.binance_order_id;
    return;
  end if;
  select * into v_list from trading.exchange_calls c
  where c.order_id = p_order.id and c.action = 'open_orders' and c.outcome = 'accepted' and c.permitted_at >= v_second order by c.id desc limit 1;
  if v_list.id is null or (trading.is_listed(v_list, p_order.client_order_id) and v_list.permitted_at < p_now - c_fresh) then
    next_call := 'open_orders';
    return;
  end if;
  select * into v_trades from trading.exchange_calls c
  where c.order_id = p_order.id and c.action = 'fills' and c.request ? 'since_ms' and c.outcome = 'accepted' and c.permitted_at >= v_second
  order by c.id desc limit 1;
  exchange_order_id := trading.suspect_of(p_order, v_trades.answer -> 'fills');
  if v_trades.id is null or (exchange_order_id is not null and v_trades.permitted_at < p_now - c_fresh) then
    next_call := 'fills';
    exchange_order_id := null;
    return;
  end if;
  if exchange_order_id is not null then
    next_call := 'lookup';
    return;
  end if;
  is_proven := not trading.is_listed(v_list, p_order.client_order_id);
end
$$;
comment on function trading.gone_proof is
  'Whether an order that should rest at the exchange is proven gone, or else the call that its proof still lacks (null: only time; exchange_order_id: the number that is to be looked up), and how many looks have not found it.';

create function trading.is_listed(p_call trading.exchange_calls, p_client_order_id text) returns boolean
language plpgsql immutable set search_path = ''
as $$
begin
  return exists (
    select from jsonb_array_elements((p_call.answer -> 'orders') || coalesce(p_call.answer -> 'unread_orders', '[]')) o
    where o ->> 'client_order_id' = p_client_order_id);
end
$$;
comment on function trading.is_listed is 'Whether a list of open orders has the order with this client id.';

-- Binance can be asked for the executions of twenty days.
create function trading.ask_for_executions(p_job trading.jobs, p_order public.orders, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  return trading.permit_call(p_job, p_order.account_id, 'fills', p_order.symbol,
    jsonb_build_object('since_ms', floor(extract(epoch from
      trading.exchange_time(p_order.account_id, greatest(p_order.permitted_at, p_now - interval '19 days'))) * 1000) - 1000),
    p_now, p_order.position_id, p_order.id);
end
$$;
comment on function trading.ask_for_executions is 'The permitted call for all executions in an order''s symbol since it got its permit.';

create function trading.prove_gone(p_job trading.jobs, p_order public.orders, p_last trading.exchange_calls, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_proof record;
begin
  select * into v_proof from trading.gone_proof(p_order, p_now);
  if v_proof.is_proven then
    return trading.end_gone_order(p_order, p_now);
  end if;
  -- One look may have been at a reader that is behind.
  if p_order.role = 'stop_loss' and v_proof.looks >= 2 then
    perform trading.note_naked(p_order.position_id, 'stop_not_found', p_now);
  end if;
  -- What was asked a moment ago is not asked again before the next attempt.
  if v_proof.next_call is null
    or (v_proof.next_call = p_last.action and v_proof.exchange_order_id is not distinct from p_last.request ->> 'exchange_order_id') then
    return trading.wait_for('order_not_found', 'the exchange does not know an order that should rest there; it is asked again until its end is proven');
  end if;
  return case v_proof.next_call
    when 'lookup' then trading.permit_call(p_job, p_order.account_id, 'lookup', p_order.symbol,
      jsonb_build_object('exchange_order_id', v_proof.exchange_order_id), p_now, p_order.position_id, p_order.id)
    when 'open_orders' then trading.permit_call(p_job, p_order.account_id, 'open_orders', p_order.symbol, '{}', p_now, p_order.position_id, p_order.id)
    when 'fills' then trading.ask_for_executions(p_job, p_order, p_now)
    else trading.call_about(p_job, v_proof.next_call, p_order, p_now) end;
end
$$;
comment on function trading.prove_gone is 'The next step towards knowing that an order does not rest at the exchange any more; null: it is proven, and ended.';

-- What was executed and never shown by any list is not in the books: the comparison finds what it moved.
create function trading.end_gone_order(p_order public.orders, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_detail jsonb := jsonb_build_object('order_id', p_order.id, 'client_order_id', p_order.client_order_id, 'symbol', p_order.symbol, 'role', p_order.role,
    'quantity', trading.money_text(p_order.quantity), 'executed', trading.money_text(p_order.filled_quantity),
    'executed_unshown', trading.money_text(p_order.venue_executed_quantity - p_order.filled_quantity));
begin
  update public.orders o set venue_executed_quantity = o.filled_quantity, reason = coalesce(nullif(o.reason, ''), 'gone_from_exchange') where o.id = p_order.id;
  perform trading.fold_venue_report(p_order.id, jsonb_build_object('status', 'cancelled', 'executed_quantity', p_order.filled_quantity,
    'error_code', 'gone_from_exchange', 'error_message', 'the exchange does not know this order any more'), p_now);
  if exists (select from public.orders o where o.id = p_order.id and o.finished_at is null) then
    return trading.wait_for('report_conflict', 'the end of an order that is gone could not be recorded');
  end if;
  perform trading.audit(p_now, 'order_gone', p_order.user_id, p_order.trader_id, 'order', p_order.id::text, v_detail);
  perform trading.raise_alert(p_now, 'critical', 'order_gone', p_order.user_id, 'position', p_order.position_id::text,
    format('The exchange does not know an order in %s any more that rested there. It counts as cancelled; what it guarded is guarded anew.', p_order.symbol), v_detail);
  perform trading.queue_sibling_syncs(p_order.id, p_now);
  perform trading.queue_account_check(p_order.account_id, 'order_gone', p_now);
  -- A sale that waited for this goes on at once.
  update trading.jobs j set due_at = p_now where j.position_id = p_order.position_id and j.kind = 'exit' and j.status = 'queued' and j.due_at > p_now;
  if found then
    perform trading.ring_bell();
  end if;
  return null;
end
$$;
comment on function trading.end_gone_order is
  'Ends an order that is proven gone as cancelled with what it has executed: audit, critical alert order_gone, account compared, sales and protection go on. null, or why it has to wait.';

-- Nothing is sold or guarded by an order that may not be there: each try would be refused, and be another row.
create function trading.settle_guard(p_job trading.jobs, p_position_id uuid, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  c_legs  constant int := 2;
  v_guard public.orders;
  v_is_unheard boolean;
  v_next  jsonb;
begin
  for v_leg in 1 .. c_legs loop
    v_guard := trading.resting_guard(p_position_id);
    -- A sale that replaces it finds out by itself: where it is gone, nothing is sold.
    v_is_unheard := p_job.kind = 'protect' and trading.unheard_end(v_guard, p_now) is not null;
    exit when v_guard.id is null or not (v_is_unheard or trading.is_doubted(v_guard));
    v_next := trading.follow_up(p_job, v_guard.id, p_now);
    exit when v_next is not null;
  end loop;
  if v_next is null and v_is_unheard and v_guard.id = (trading.resting_guard(p_position_id)).id then
    return trading.wait_for('end_unknown', 'what rests may still be ended by a call that was not answered; it is asked about again');
  end if;
  return v_next;
end
$$;
comment on function trading.settle_guard is 'The next step towards knowing whether what should rest for a position does, where the exchange did not find it; null: nothing is in doubt.';

reset role;
