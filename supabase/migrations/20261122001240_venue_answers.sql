-- Purpose: what an exchange's answer makes of calls, orders, clocks and holdings.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Reports -----------------------------------------------------------------------------------------------------------

-- A fee in a third asset is worth what that asset was worth at the fill. Without a price of that moment the PnL stays provisional.
create function trading.fills_with_rates(p_fills jsonb, p_quote text) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_age interval := (select s.max_price_age_ms * interval '1 millisecond' from trading.settings s);
begin
  return (
    select coalesce(jsonb_agg(e.fill || jsonb_strip_nulls(jsonb_build_object('fee_rate', m.bid)) order by e.n), '[]')
    from (select f.*, (f.fill ->> 'executed_at')::timestamptz as executed_at from jsonb_array_elements(coalesce(p_fills, '[]')) with ordinality f (fill, n)) e
    left join lateral (
      select q.bid from trading.quotes q
      where q.symbol = (e.fill ->> 'fee_asset') || p_quote and q.observed_at between e.executed_at - v_age and e.executed_at + v_age
      order by abs(extract(epoch from q.observed_at - e.executed_at)) limit 1
    ) m on true
  );
end
$$;
comment on function trading.fills_with_rates is 'Reported fills, each with the price in quote of its fee asset that was seen nearest to it, where one was within settings.max_price_age_ms.';

-- A report whose numbers cannot be right must not stop the others: what it is about is set aside, and nothing of it booked.
create function trading.fold_venue_report(p_order_id uuid, p_report jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
  v_after public.orders;
begin
  select * into v_order from public.orders o where o.id = p_order_id;
  insert into trading.venue_orders as v (order_id, venue_status, asked_at, seen_at, reported_ms, changed_at)
  values (p_order_id, p_report ->> 'status', p_now, case when p_report ? 'client_order_id' then p_now end, -- The exchange's own report names it.
    (p_report ->> 'updated_at_ms')::numeric, trading.changed_at(v_order, p_report, p_now))
  on conflict (order_id) do update set asked_at = excluded.asked_at, seen_at = greatest(v.seen_at, excluded.seen_at),
    changed_at = greatest(v.changed_at, excluded.changed_at), reported_ms = greatest(v.reported_ms, excluded.reported_ms),
    owed_at = case when excluded.venue_status in ('working', 'partially_filled', 'unknown') then v.owed_at end, -- Of what has ended nothing is.
    -- An answer that was longer on its way does not undo an end.
    venue_status = case when v.venue_status in ('cancelled', 'expired', 'filled') then v.venue_status else excluded.venue_status end;
  if v_order.venue_executed_quantity > v_order.filled_quantity and trading.is_overstated(v_order, p_report, p_now) then
    perform trading.take_back_executed(v_order, p_report, p_now);
  end if;
  update public.orders o set order_list_id = coalesce(o.order_list_id, p_report ->> 'list_id')
  where o.id = p_order_id and o.order_list_id is null and p_report ->> 'list_id' is not null;
  v_after := trading.fold_report(p_order_id, jsonb_strip_nulls(jsonb_build_object('status', p_report ->> 'status',
    'executed_quantity', p_report ->> 'executed_quantity', 'exchange_order_id', p_report ->> 'exchange_order_id',
    'error_code', p_report ->> 'error_code', 'error_message', coalesce(p_report ->> 'error_message', trading.expiry_words(p_report ->> 'expiry_reason', v_order.side))))
    || jsonb_build_object('fills', trading.fills_with_rates(p_report -> 'fills', 'USDT')), p_now);
  if v_order.finished_at is null and (v_after.state = 'cancelled' or (v_after.state = 'expired' and p_report ->> 'expiry_reason' = 'EXPIRED_IN_MATCH')) then
    perform trading.note_outside_cancel(v_after, p_now);
  end if;
  perform trading.note_unshown(v_after, p_now);
  if v_order.side = 'SELL' and trading.missing_coins(v_order.position_id) > 0 then
    perform trading.take_back_missing(v_order, v_after, p_report, p_now);
  end if;
  perform trading.end_conflict(v_after, p_now);
exception when sqlstate 'FB409' or sqlstate 'FB500' or data_exception or integrity_constraint_violation then
  perform trading.quarantine(v_order.account_id, v_order.symbol, v_order.position_id, 'report_conflict',
    format('The exchange reports of an order in %s what does not agree with the books; nothing of it was recorded.', v_order.symbol),
    jsonb_build_object('order_id', p_order_id, 'error', sqlerrm, 'report', p_report), p_now);
end
$$;
comment on function trading.fold_venue_report is 'Folds an exchange''s report of one of our orders; one that contradicts the books quarantines its position instead.';

-- Every order that an answer tells of. The leg that a list's end took along is in it, or is asked about by a job of its own.
create function trading.fold_reports(p_call trading.exchange_calls, p_reports jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_report jsonb;
  v_id     uuid;
begin
  for v_report in select e from jsonb_array_elements(p_reports) e where jsonb_typeof(e) = 'object' loop
    v_id := trading.our_order(p_call.account_id, v_report ->> 'client_order_id', v_report ->> 'exchange_order_id');
    if v_id is not null then
      perform trading.fold_venue_report(v_id, v_report, p_now);
    end if;
  end loop;
end
$$;
comment on function trading.fold_reports is 'Folds the reports of an answer that are about orders of ours.';

-- Orders ------------------------------------------------------------------------------------------------------------

create function trading.queue_order_sync(p_order_id uuid, p_cause text, p_due_at timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- One that was tried keeps its pace: two that call each other forward would ask without end.
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, order_id)
  select 'sync', concat_ws(':', 'ask', p_cause, o.id, o.version), o.portfolio_id, false, p_due_at, o.position_id, o.id
  from public.orders o
  where o.id = p_order_id and not o.is_paper_trade
    and not exists (select from trading.jobs j where j.order_id = o.id and j.position_id = o.position_id and j.kind = 'sync'
      and j.status = 'queued' and (j.due_at <= p_due_at or j.last_error is not null))
  on conflict (key) do nothing;
end
$$;
comment on function trading.queue_order_sync is 'Queues the question where an order at an exchange stands, unless one is queued already.';

-- The other leg of a list whose one leg has ended: the exchange ended it too, perhaps not before it filled in part.
create function trading.queue_sibling_syncs(p_order_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.queue_order_sync(s.id, 'sibling', p_now)
  from public.orders o join public.orders s on s.position_id = o.position_id and s.order_list_id = o.order_list_id and s.id <> o.id
  where o.id = p_order_id and s.finished_at is null;
end
$$;
comment on function trading.queue_sibling_syncs is 'Queues the question about the other leg of an order''s list, if that has not ended.';

create function trading.fold_placement(p_call trading.exchange_calls, p_answer jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_id     uuid;
  v_status text := case p_answer ->> 'outcome' when 'accepted' then 'unknown' else p_answer ->> 'outcome' end;
begin
  if p_answer ->> 'outcome' = 'accepted' then
    perform trading.fold_reports(p_call, jsonb_build_array(p_answer -> 'order') || coalesce(p_answer -> 'orders', '[]'), p_now);
  end if;
  -- An accepted answer that leaves out one of its orders proves nothing about that one.
  for v_id in select c.order_id from trading.call_orders c join public.orders o on o.id = c.order_id
    where c.call_id = p_call.id and o.state = 'submitting' order by c.order_id loop
    perform trading.fold_venue_report(v_id, jsonb_build_object('status', v_status, 'executed_quantity', '0',
      'error_code', p_answer ->> 'reason', 'error_message', p_answer ->> 'message'), p_now);
    if v_status = 'unknown' then
      perform trading.queue_order_sync(v_id, 'unknown', p_now + interval '1 second');
    end if;
  end loop;
end
$$;
comment on function trading.fold_placement is 'What became of the orders that a call was to place: as reported, rejected, not sent, or unknown and asked about from a second later on.';

-- What a cancel or a replacement did to the order that it was to end.
create function trading.fold_cancel(p_call trading.exchange_calls, p_answer jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.fold_reports(p_call, jsonb_build_array(coalesce(p_answer -> 'cancelled', p_answer -> 'order')) || coalesce(p_answer -> 'orders', '[]'), p_now);
  if p_answer ->> 'outcome' = 'accepted' or p_answer ->> 'reason' = 'replace_half_done' then
    perform trading.queue_sibling_syncs(p_call.order_id, p_now);
  elsif p_answer ->> 'outcome' = 'unknown' or p_answer ->> 'reason' in ('order_not_found', 'cancel_failed') then
    perform trading.queue_order_sync(p_call.order_id, 'cancel', p_now);
    perform trading.queue_sibling_syncs(p_call.order_id, p_now);
  end if;
  if p_answer ->> 'outcome' = 'unknown' then
    perform trading.note_naked(o.position_id, 'end_unknown', p_call.permitted_at)
    from public.orders o where o.id = p_call.order_id and o.role in ('stop_loss', 'take_profit') and o.finished_at is null;
  end if;
  -- The matching engine knows of no such open order, and none can come any more: what is unknown cannot be waiting there.
  if p_answer ->> 'outcome' = 'rejected' and p_answer ->> 'reason' = 'order_not_found' then
    insert into trading.venue_orders as v (order_id, fenced_at)
    select o.id, p_now from public.orders o where o.id = p_call.order_id and o.state = 'unknown' and o.send_by < p_call.permitted_at
    on conflict (order_id) do update set fenced_at = coalesce(v.fenced_at, excluded.fenced_at);
  end if;
end
$$;
comment on function trading.fold_cancel is 'What became of an order that a call was to end; one that is unknown and not there to be cancelled after its window is fenced.';

create function trading.fold_fill_list(p_call trading.exchange_calls, p_answer jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_found record;
begin
  for v_found in
    select o.id, o.venue_executed_quantity, v.venue_status, jsonb_agg(f.fill order by f.n) as fills
    from jsonb_array_elements(p_answer -> 'fills') with ordinality as f (fill, n)
    join public.orders o on o.account_id = p_call.account_id and o.symbol = p_call.symbol and o.binance_order_id = f.fill ->> 'exchange_order_id'
    left join trading.venue_orders v on v.order_id = o.id
    -- An exchange that was wiped gives its numbers again: the newest order of ours has it.
    where not exists (select from public.orders n where n.account_id = o.account_id and n.symbol = o.symbol and n.binance_order_id = o.binance_order_id
      and n.permitted_at > o.permitted_at)
    group by o.id, o.venue_executed_quantity, v.venue_status
    order by o.id
  loop
    perform trading.fold_venue_report(v_found.id, jsonb_build_object('status', coalesce(v_found.venue_status, 'working'),
      'executed_quantity', v_found.venue_executed_quantity, 'fills', v_found.fills), p_now);
  end loop;
end
$$;
comment on function trading.fold_fill_list is 'Folds reported executions into the orders of ours that they belong to.';

-- The rest ----------------------------------------------------------------------------------------------------------

create function trading.record_balances(p_call trading.exchange_calls, p_answer jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_account trading.accounts;
begin
  select * into v_account from trading.accounts a where a.id = p_call.account_id;
  if p_answer #>> '{account,uid}' is distinct from v_account.exchange_uid then
    -- One that was stored since has not been shown to the exchange yet.
    perform trading.end_exchange_key(k.id, 'uid_mismatch', p_now) from trading.exchange_keys k
    where k.account_id = v_account.id and k.is_active and k.created_at <= p_call.permitted_at;
    if found then
      perform trading.raise_alert(p_now, 'critical', 'exchange_key_wrong', v_account.user_id, 'account', v_account.id::text,
        'The key belongs to another exchange account than the one it was stored for; it is not used any more.');
      perform trading.set_trading_state('account', v_account.id, 'reducing', false, 'the key is of another exchange account', 'engine', p_now);
    end if;
    return;
  end if;
  update trading.exchange_keys k set verified_at = p_now
  where k.account_id = v_account.id and k.is_active and k.verified_at is null and k.created_at <= p_call.permitted_at;
  if found then
    perform trading.hasten_jobs(v_account.id, p_now);
  end if;
  -- An answer to an older question comes too late.
  if exists (select from trading.exchange_balances b where b.account_id = v_account.id and b.observed_at > p_call.permitted_at) then
    return;
  end if;
  insert into trading.exchange_balances as b (account_id, asset, free, locked, observed_at)
  select v_account.id, e.asset, e.free, e.locked, p_call.permitted_at from jsonb_to_recordset(p_answer -> 'balances') as e (asset text, free numeric, locked numeric)
  on conflict (account_id, asset) do update set free = excluded.free, locked = excluded.locked, observed_at = excluded.observed_at;
  -- An asset that the answer leaves out is not held any more.
  update trading.exchange_balances b set free = 0, locked = 0, observed_at = p_call.permitted_at
  where b.account_id = v_account.id and b.observed_at < p_call.permitted_at;
  if not (p_answer #>> '{account,can_trade}')::boolean then
    perform trading.raise_alert(p_now, 'critical', 'exchange_key_cannot_trade', v_account.user_id, 'account', v_account.id::text,
      'The exchange does not let this account trade.');
    perform trading.set_trading_state('account', v_account.id, 'reducing', false, 'the exchange does not let the account trade', 'engine', p_now);
  end if;
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.subject_id = v_account.id::text and a.resolved_at is null and (a.code = 'exchange_key_wrong'
    or (a.code = 'exchange_key_cannot_trade' and (p_answer #>> '{account,can_trade}')::boolean));
end
$$;
comment on function trading.record_balances is 'Remembers what the account holds; a key of another account is ended with an alert.';

-- The refusals that are about the connection and not about the order.
create function trading.note_refusal(p_call trading.exchange_calls, p_answer jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := (select a.user_id from trading.accounts a where a.id = p_call.account_id);
begin
  case p_answer ->> 'reason'
    when 'clock_skewed' then
      perform trading.distrust_clock(p_call, v_user_id, p_now);
    when 'rate_limited', 'banned' then
      perform trading.block_budget(case when p_answer ->> 'code' = '-1015' then 'orders_10s' else 'request_weight' end, p_call.account_id, -- -1015: orders
        p_now + make_interval(secs => least(greatest(coalesce((p_answer ->> 'retry_after_ms')::numeric, 0), 1000), 259200000) / 1000.0), p_now);
    when 'key_refused', 'key_unavailable', 'not_permitted' then
      perform trading.raise_alert(p_now, 'critical', 'exchange_key_refused', v_user_id, 'account', p_call.account_id::text,
        format('The exchange account cannot be used: %s', coalesce(p_answer ->> 'message', p_answer ->> 'reason')),
        jsonb_build_object('reason', p_answer ->> 'reason', 'code', p_answer -> 'code', 'call_id', p_call.id));
      update trading.exchange_keys k set refused_at = p_now, refused_call_id = p_call.id
      where k.account_id = p_call.account_id and k.is_active and k.created_at <= p_call.permitted_at;
      perform trading.set_trading_state('account', p_call.account_id, 'reducing', false, 'the exchange refuses the key', 'engine', p_now);
    when 'insufficient_funds' then
      perform trading.note_missing_funds(p_call, v_user_id, p_now);
    when 'filter_failed' then
      perform trading.doubt_filters(p_call.symbol, p_now);
    when 'symbol_not_trading' then
      perform trading.doubt_symbol(p_call.symbol, p_now);
    else
      null;
  end case;
end
$$;
comment on function trading.note_refusal is
  'What a refusal says about clock, budgets, key, coins or filters: measured anew, kept shut, alerted with trading put to reducing, compared, or fetched again.';

-- Coins that are missing, or locked by orders of the owner's own, or money that was spent by hand: the comparison says which.
create function trading.note_missing_funds(p_call trading.exchange_calls, p_user_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if exists (select from trading.call_orders l join public.orders o on o.id = l.order_id where l.call_id = p_call.id and o.side = 'SELL') then
    perform trading.raise_alert(p_now, 'critical', 'sell_refused_for_funds', p.user_id, 'position', p.id::text,
      format('The exchange refuses to sell the position in %s: its coins are locked by orders of the owner''s own, or gone. It is tried again; the engine''s own stop is armed.', p.symbol),
      jsonb_build_object('call_id', p_call.id, 'action', p_call.action))
    from public.positions p where p.id = p_call.position_id;
    perform trading.take_uncovered_fees(p_call.account_id, i.base_asset, p_now) from public.instruments i where i.symbol = p_call.symbol;
  else
    perform trading.raise_alert(p_now, 'warning', 'buy_refused_for_funds', p_user_id, 'account', p_call.account_id::text,
      format('The exchange refuses to buy %s: the account holds less money than the books say. It is compared with them.', p_call.symbol),
      jsonb_build_object('call_id', p_call.id, 'order_id', p_call.order_id));
  end if;
  perform trading.queue_account_check(p_call.account_id, 'funds', p_now);
end
$$;
comment on function trading.note_missing_funds is 'An order was refused for want of coins or money: an alert, and the account is compared at once.';

create function trading.record_answer(p_call_id bigint, p_answer jsonb, p_now timestamptz) returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_call trading.exchange_calls;
begin
  update trading.exchange_calls c set outcome = p_answer ->> 'outcome', reason = p_answer ->> 'reason', code = (p_answer ->> 'code')::int,
    message = left(p_answer ->> 'message', 500), http_status = (p_answer ->> 'http_status')::int, used_weight = (p_answer ->> 'used_weight')::int,
    order_count_10s = (p_answer ->> 'order_count_10s')::int, sent_at = to_timestamp((p_answer ->> 'sent_at_ms')::numeric / 1000),
    elapsed_ms = (p_answer ->> 'elapsed_ms')::numeric, answer = p_answer, answered_at = p_now
  where c.id = p_call_id and c.answered_at is null returning * into v_call;
  if not found then
    return false;
  end if;
  perform trading.note_contact(v_call, p_answer, p_now);
  case
    when v_call.action in ('submit', 'submit_pair') then
      perform trading.fold_placement(v_call, p_answer, p_now);
    when v_call.action = 'replace' then
      perform trading.fold_cancel(v_call, p_answer - 'order', p_now);
      perform trading.fold_placement(v_call, p_answer, p_now);
    when v_call.action = 'cancel' then
      perform trading.fold_cancel(v_call, p_answer, p_now);
    when p_answer ->> 'outcome' <> 'accepted' then
      null;
    when v_call.action = 'lookup' then
      perform trading.fold_reports(v_call, jsonb_build_array(p_answer -> 'order'), p_now);
    when v_call.action = 'fills' then
      perform trading.fold_fill_list(v_call, p_answer, p_now);
    when v_call.action = 'server_time' then
      perform trading.measure_clock(v_call, (p_answer ->> 'server_time_ms')::numeric, p_now);
    when v_call.action = 'balances' then
      perform trading.record_balances(v_call, p_answer, p_now);
    else
      null;
  end case;
  perform trading.heed_used_weight(v_call.account_id, v_call.used_weight) where v_call.used_weight is not null;
  if v_call.order_id is not null then
    -- Where the order stood, the exchange said after the permit: a tick that came later may have filled it since.
    update trading.venue_orders v set asked_at = p_now, owed_at = case when not (v_call.outcome = 'accepted' and v_call.permitted_at >= v.owed_at
      and v_call.action in ('submit', 'submit_pair', 'lookup')) then v.owed_at end
    where v.order_id = v_call.order_id;
  end if;
  if p_answer ->> 'outcome' <> 'accepted' then
    perform trading.note_refusal(v_call, p_answer, p_now);
  end if;
  return true;
end
$$;
comment on function trading.record_answer is 'Writes down a call''s answer, once, and folds what it says; whether it is news. The caller holds the portfolio''s lock.';

reset role;
