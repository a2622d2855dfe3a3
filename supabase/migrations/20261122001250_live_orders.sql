-- Purpose: the calls about one order at an exchange: what is asked next, and when its absence is proven.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.wait_for(p_code text, p_message text) returns jsonb
language sql immutable
return jsonb_build_object('outcome', 'retry', 'code', p_code, 'message', p_message);
comment on function trading.wait_for is 'The outcome of a step that has to be taken up again later.';

create function trading.calls_of_attempt(p_job trading.jobs) returns setof trading.exchange_calls
language sql stable
begin atomic
  select * from trading.exchange_calls c where c.job_id = p_job.id and c.job_attempt = p_job.attempts;
end;
comment on function trading.calls_of_attempt is 'The calls that a job''s present attempt has made, answered or not.';

create function trading.has_asked_to_cancel(p_job trading.jobs, p_order_id uuid) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from trading.calls_of_attempt(p_job) c where c.order_id = p_order_id and c.action = 'cancel');
end
$$;
comment on function trading.has_asked_to_cancel is 'Whether a job''s present attempt has asked the exchange to cancel an order.';

create function trading.last_call(p_job trading.jobs) returns trading.exchange_calls
language plpgsql stable set search_path = ''
as $$
declare
  v_call trading.exchange_calls;
begin
  select * into v_call from trading.calls_of_attempt(p_job) c
  where c.answered_at is not null and c.action <> 'server_time' order by c.id desc limit 1;
  return v_call;
end
$$;
comment on function trading.last_call is 'The newest answered call of a job''s present attempt; all null: there is none.';

create function trading.order_request(p_order public.orders) returns jsonb
language sql stable
return jsonb_build_object('client_order_id', p_order.client_order_id, 'side', p_order.side, 'type', p_order.type,
    'time_in_force', case when p_order.type in ('LIMIT', 'STOP_LOSS_LIMIT') then p_order.time_in_force end,
    'quantity', trading.money_text(p_order.quantity), 'price', trading.money_text(p_order.price), 'trigger_price', trading.money_text(p_order.trigger_price));
comment on function trading.order_request is 'An order as a venue is asked to place it.';

create function trading.call_about(p_job trading.jobs, p_action text, p_order public.orders, p_now timestamptz, p_orders int default 0) returns jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  return trading.permit_call(p_job, p_order.account_id, p_action, p_order.symbol,
    case p_action
      when 'fills' then jsonb_build_object('exchange_order_id', p_order.binance_order_id)
      else jsonb_build_object('client_order_id', p_order.client_order_id) end,
    p_now, p_order.position_id, p_order.id, p_orders => p_orders);
end
$$;
comment on function trading.call_about is 'The permitted call that looks an order up, cancels it, or asks for its fills. p_orders: how many orders follow it (trading.permit_call).';

-- An intent for a live position, permitted in the same commit that records its call.
create function trading.insert_live_sell(
  p_position public.positions, p_role text, p_level int, p_type text, p_quantity numeric, p_price numeric, p_trigger numeric, p_reason text,
  p_now timestamptz
) returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_order   public.orders;
  v_attempt int;
  v_id      uuid;
begin
  select coalesce(max(o.attempt), 0) + 1 into v_attempt from public.orders o
  where o.position_id = p_position.id and o.role = p_role and o.level = p_level;
  v_id := trading.derived_id('order', p_position.id::text, p_role, p_level::text, v_attempt::text);
  insert into public.orders (id, user_id, trader_id, signal_id, position_id, portfolio_id, account_id, role, attempt, level, symbol, side, type,
    time_in_force, quantity, price, trigger_price, client_order_id, state, permitted_at, is_paper_trade, reason, created_at, updated_at)
  values (v_id, p_position.user_id, p_position.trader_id, p_position.signal_id, p_position.id, p_position.portfolio_id, p_position.account_id,
    p_role, v_attempt, p_level, p_position.symbol, 'SELL', p_type, 'GTC', p_quantity, p_price, p_trigger, trading.client_order_id(v_id),
    'submitting', p_now, false, p_reason, p_now, p_now)
  returning * into v_order;
  return v_order;
end
$$;
comment on function trading.insert_live_sell is 'A sell of a live position, submitting: its call has to follow in the same transaction.';

-- Absence -----------------------------------------------------------------------------------------------------------

-- A buy would have brought coins, a sell would have taken some. Where the owner moves coins of the asset at the same time,
-- nothing is proven.
create function trading.is_unmoved(p_order public.orders, p_balances jsonb) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case p_order.side when 'BUY' then t.total <= t.expected else t.total >= t.expected end
    from (
      select coalesce((select b.free + b.locked from jsonb_to_recordset(p_balances) as b (asset text, free numeric, locked numeric)
          where b.asset = i.base_asset), 0) as total,
        trading.expected_quantity(p_order.account_id, i.base_asset) as expected
      from public.instruments i where i.symbol = p_order.symbol
    ) t
  );
end
$$;
comment on function trading.is_unmoved is 'Whether an account''s balances show no coins more (after a buy) or less (after a sell) than the books explain without the order.';

-- The exchange has said of some of them whose they are: a client id that is not this order's stays so.
create function trading.suspect_of(p_order public.orders, p_fills jsonb) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_since timestamptz := trading.exchange_time(p_order.account_id, p_order.permitted_at) - interval '5 seconds';
begin
  return (
    select f ->> 'exchange_order_id' from jsonb_array_elements(p_fills) f
    where f ->> 'side' = p_order.side and (f ->> 'executed_at')::timestamptz > v_since
      and (p_order.type <> 'LIMIT' or (f ->> 'price')::numeric <= p_order.price)
      and not exists (
        select from public.orders o where o.account_id = p_order.account_id and o.symbol = p_order.symbol and o.binance_order_id = f ->> 'exchange_order_id')
      and not exists (
        select from trading.exchange_calls c where c.order_id = p_order.id and c.action = 'lookup' and c.outcome = 'accepted'
          and c.request ->> 'exchange_order_id' = f ->> 'exchange_order_id' and c.answer #>> '{order,client_order_id}' <> p_order.client_order_id)
    group by f ->> 'exchange_order_id' having sum((f ->> 'quantity')::numeric) <= p_order.quantity
    order by 1 limit 1
  );
end
$$;
comment on function trading.suspect_of is
  'The exchange''s id of an order whose executions no order of ours explains and that could be this one: its side, its time, not beyond its limit and its quantity; null: none.';

-- Binance documents no proof that a request was never executed. What counts here: its window is over, the matching engine
-- knew of no such order to cancel, readers did not find it three times after the time within which the engine answers, and
-- after a quiet time the account shows no trade in the symbol that no order of ours explains, and no coins that it does not.
create function trading.absence_proof(p_order public.orders, p_now timestamptz, out next_call text, out is_proven boolean, out suspect text)
language plpgsql stable set search_path = ''
as $$
declare
  c_engine_answers constant interval := '10 seconds';
  v_quiet    interval := case when p_order.role = 'entry'
    then make_interval(secs => (select s.absence_quiet_ms from trading.settings s) / 1000.0) else c_engine_answers end;
  v_not_found int;
  v_trades    trading.exchange_calls;
  v_balances  jsonb;
begin
  is_proven := false;
  if p_now <= p_order.send_by then
    return;
  end if;
  if not exists (select from trading.exchange_calls c where c.order_id = p_order.id and c.action = 'cancel' and c.reason = 'order_not_found'
    and c.permitted_at > p_order.send_by) then
    next_call := 'cancel';
    return;
  end if;
  if p_now < p_order.send_by + v_quiet then
    return;
  end if;
  select count(*) into v_not_found from trading.exchange_calls c
  where c.order_id = p_order.id and c.action = 'lookup' and c.reason = 'order_not_found' and c.request ? 'client_order_id'
    and c.permitted_at > p_order.send_by + least(v_quiet, c_engine_answers);
  if v_not_found < 3 then
    next_call := 'lookup';
    return;
  end if;
  select * into v_trades from trading.exchange_calls c
  where c.order_id = p_order.id and c.action = 'fills' and c.outcome = 'accepted' and c.permitted_at >= p_order.send_by + v_quiet
  order by c.id desc limit 1;
  if v_trades.id is null then
    next_call := 'fills';
    return;
  end if;
  suspect := trading.suspect_of(p_order, v_trades.answer -> 'fills');
  if suspect is not null and v_trades.permitted_at >= p_now - interval '30 seconds' then
    next_call := 'lookup';
    return;
  end if;
  select c.answer -> 'balances' into v_balances from trading.exchange_calls c
  where c.order_id = p_order.id and c.action = 'balances' and c.outcome = 'accepted' and c.id > v_trades.id
  order by c.id desc limit 1;
  if v_balances is null then
    next_call := 'balances';
    return;
  end if;
  is_proven := suspect is null
    -- Without a trade, coins that came or went are a deposit or a withdrawal; no list of trades lags for an hour.
    and (trading.is_unmoved(p_order, v_balances) or p_now > p_order.send_by + interval '1 hour');
  -- What speaks against it may have been another order on its way.
  if not is_proven and v_trades.permitted_at < p_now - interval '30 seconds' then
    next_call := 'fills';
  end if;
end
$$;
comment on function trading.absence_proof is 'Whether an unknown order is proven never placed, or else the call that its proof still lacks (null: only time); suspect: what has to be looked up, where that is another order.';

create function trading.prove_absence(p_job trading.jobs, p_order public.orders, p_last trading.exchange_calls, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_proof record;
begin
  select * into v_proof from trading.absence_proof(p_order, p_now);
  if v_proof.is_proven then
    perform trading.fold_venue_report(p_order.id, jsonb_build_object('status', 'not_placed', 'executed_quantity', '0',
      'error_code', 'not_placed', 'error_message', 'the exchange never had this order'), p_now);
    return null;
  end if;
  -- What was asked a moment ago is not asked again before the next attempt.
  if v_proof.next_call is null or v_proof.next_call = p_last.action then
    return trading.wait_for('order_unproven', 'nobody knows yet whether the exchange has this order; it is asked again');
  end if;
  if v_proof.suspect is not null and v_proof.next_call = 'lookup' then
    return trading.permit_call(p_job, p_order.account_id, 'lookup', p_order.symbol, jsonb_build_object('exchange_order_id', v_proof.suspect), p_now,
      p_order.position_id, p_order.id);
  end if;
  if v_proof.next_call = 'balances' then
    return trading.permit_call(p_job, p_order.account_id, 'balances', null, '{}', p_now, p_order.position_id, p_order.id);
  end if;
  if v_proof.next_call = 'fills' then
    return trading.ask_for_executions(p_job, p_order, p_now);
  end if;
  return trading.call_about(p_job, v_proof.next_call, p_order, p_now);
end
$$;
comment on function trading.prove_absence is 'The next step towards knowing that an order was never placed; null: it is proven, and folded.';

-- Follow up ---------------------------------------------------------------------------------------------------------

-- Looks at the order and at the last answer, and says what to ask next. So it does not matter whose question it was, nor
-- whether the worker that asked it is still there.
create function trading.follow_up(p_job trading.jobs, p_order_id uuid, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
  v_last  trading.exchange_calls := trading.last_call(p_job);
begin
  select * into v_order from public.orders o where o.id = p_order_id;
  if v_order.state = 'submitting' then
    perform trading.give_up_placing(p_order_id, p_now);
    select * into v_order from public.orders o where o.id = p_order_id;
  end if;
  if v_order.finished_at is not null then
    return null;
  end if;
  if v_last.order_id is distinct from v_order.id or v_last.action not in ('lookup', 'cancel', 'fills', 'balances', 'open_orders') then
    return trading.call_about(p_job, 'lookup', v_order, p_now);
  end if;
  if v_order.state in ('working', 'partially_filled') and trading.is_asked_for_proof(v_last, v_order.client_order_id) then
    return trading.prove_gone(p_job, v_order, v_last, p_now);
  end if;
  if v_last.outcome = 'accepted' and v_order.venue_executed_quantity > v_order.filled_quantity
    and not (v_last.action = 'fills' and v_last.request ? 'exchange_order_id') then
    return trading.call_about(p_job, 'fills', v_order, p_now);
  end if;
  if v_last.outcome = 'accepted' and v_order.state <> 'unknown' then
    return case when v_order.venue_executed_quantity > v_order.filled_quantity
      then trading.wait_for('fills_missing', 'the exchange says more was executed than it shows fills for') end;
  end if;
  if v_order.state = 'unknown' and (v_last.reason = 'order_not_found' or v_last.action in ('fills', 'balances') or v_last.request ? 'exchange_order_id') then
    return trading.prove_absence(p_job, v_order, v_last, p_now);
  end if;
  if v_last.action = 'cancel' and v_last.reason = 'order_not_found' then
    return trading.call_about(p_job, 'lookup', v_order, p_now);
  end if;
  if v_order.state = 'submitting' then
    return trading.wait_for('order_under_way', 'the call that places the order has not been answered yet');
  end if;
  -- What was refused says how long to wait.
  return trading.wait_for(case when v_last.outcome = 'unknown' then 'venue_silent' else coalesce(v_last.reason, 'venue_silent') end,
    coalesce(v_last.message, 'the exchange did not answer'));
end
$$;
comment on function trading.follow_up is 'The next call that shows where an order stands, a retry outcome when that has to wait, or null when there is nothing to ask for now.';

-- Sync and cancel ---------------------------------------------------------------------------------------------------

create function trading.sync_step(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
begin
  perform trading.lock_position(p_job.position_id);
  return coalesce(trading.follow_up(p_job, p_job.order_id, p_now), (
    select jsonb_build_object('outcome', o.state, 'order_id', o.id, 'position_id', o.position_id) from public.orders o where o.id = p_job.order_id));
end
$$;
comment on function trading.sync_step is 'Asks an exchange where one order stands, until what it says is in the books.';

create function trading.end_order(p_job trading.jobs, p_order_id uuid, p_reason text, p_now timestamptz, p_orders int default 0) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
  v_next  jsonb;
begin
  -- Whoever wanted it first is the reason: several who want it at once must not take turns.
  update public.orders o set reason = p_reason where o.id = p_order_id and o.finished_at is null and o.reason = '' and p_reason <> '';
  select * into v_order from public.orders o where o.id = p_order_id;
  if v_order.finished_at is null then
    if not trading.has_asked_to_cancel(p_job, v_order.id) then
      return trading.call_about(p_job, 'cancel', v_order, p_now, p_orders);
    end if;
    v_next := trading.follow_up(p_job, v_order.id, p_now);
    if v_next is not null then
      return v_next;
    end if;
  end if;
  -- It was not there to be cancelled and is there now: a reader's lag, or an order that was still on its way.
  return (
    select trading.wait_for('still_open', 'the order is still open; it is cancelled again')
    from public.orders o where o.id = p_order_id and o.finished_at is null);
end
$$;
comment on function trading.end_order is 'The next call, or the wait, that a job needs to end an order at an exchange; null: it is over, and what it filled is booked. p_orders: how many orders take its place.';

create function trading.cancel_step(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.lock_position(p_job.position_id);
  return coalesce(trading.end_order(p_job, p_job.order_id, coalesce(p_job.payload ->> 'reason', 'cancelled'), p_now), (
    select jsonb_build_object('outcome', o.state, 'order_id', o.id, 'position_id', o.position_id) from public.orders o where o.id = p_job.order_id));
end
$$;
comment on function trading.cancel_step is 'Cancels an order at an exchange and asks until it is final; a fill that won the race is booked.';

reset role;
