-- Purpose: an exit at an exchange: what rests there is replaced by the sale in one request.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- A fenced sell is still unproven. A stop that the exchange accepted after the fence holds the coins, so that a late sell can
-- only fail; where the account has more of them that proves nothing, and the sell itself has to be proven. The stop that
-- the sell was to replace proves it too: the next sale ends it in the same request, and if it is gone nothing is sold.
create function trading.is_fence_passed(p_position public.positions, p_guard public.orders, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return not exists (
    select from public.orders o join trading.venue_orders v on v.order_id = o.id
    where o.position_id = p_position.id and o.side = 'SELL' and o.state = 'unknown' and v.fenced_at is not null
      and (trading.holds_other_coins(p_position) or not (v.fenced_at < p_now - interval '10 seconds'
        or exists (select from trading.call_orders l join trading.exchange_calls c on c.id = l.call_id
          where l.order_id = o.id and c.action = 'replace' and c.order_id = p_guard.id)
        or (p_guard.id is not null and p_guard.created_at >= v.fenced_at))));
end
$$;
comment on function trading.is_fence_passed is 'Whether a further sale of the position cannot sell the same coins a second time.';

create function trading.sale_of_attempt(p_job trading.jobs) returns public.orders
language plpgsql stable set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select o.* into v_order
  from trading.calls_of_attempt(p_job) c join trading.call_orders l on l.call_id = c.id join public.orders o on o.id = l.order_id and o.role = 'exit'
  order by c.id desc limit 1;
  return v_order;
end
$$;
comment on function trading.sale_of_attempt is 'The sale that the present attempt of an exit has made; all null: none yet.';

-- A part is sold once, whichever attempt or question learns of it: what the job has sent counts, by its rows.
create function trading.sold_by_job(p_job_id bigint, out pending uuid, out quantity numeric)
language plpgsql stable set search_path = ''
as $$
begin
  select (array_agg(o.id) filter (where o.finished_at is null))[1], coalesce(sum(o.filled_quantity), 0) into pending, quantity
  from trading.exchange_calls c join trading.call_orders l on l.call_id = c.id join public.orders o on o.id = l.order_id and o.role = 'exit'
  where c.job_id = p_job_id;
end
$$;
comment on function trading.sold_by_job is 'What the sales of an exit job, all attempts together, have sold; pending: one that is not over (null: none).';

-- What has to be known or gone before a sale may leave; null: nothing is in its way.
create function trading.clear_way(p_job trading.jobs, p_position public.positions, p_guard public.orders, p_is_whole boolean, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_unknown uuid := trading.unfenced_unknown(p_position.id, '{stop_loss,take_profit,exit}');
  v_unproven uuid := trading.unproven_sale(p_position);
  v_open    uuid := (select o.id from public.orders o where o.position_id = p_position.id and o.role = 'exit' and o.state in ('working', 'partially_filled')
    and not trading.is_over_at_venue(o.id) limit 1);
  v_entry   public.orders;
  v_next    jsonb := trading.ask_for_unshown(p_job, p_position.id, p_now);
begin
  -- What a stop has sold already is booked, not sold again.
  if v_next is not null then
    return v_next;
  end if;
  if v_open is not null then
    return coalesce(trading.follow_up(p_job, v_open, p_now), trading.wait_for('sale_open', 'an earlier sale is not over yet'));
  end if;
  if v_unknown is not null then
    v_next := trading.follow_up(p_job, v_unknown, p_now);
    -- Known or fenced: the exit begins again with the rows as they are now. Each time there is one unknown less.
    if v_next ->> 'outcome' is distinct from 'call'
      and trading.unfenced_unknown(p_position.id, '{stop_loss,take_profit,exit}') is distinct from v_unknown then
      return trading.exit_step(p_job, p_now);
    end if;
    return coalesce(v_next, trading.wait_for('order_under_way', 'the call that places the order has not been answered yet'));
  end if;
  if not trading.is_fence_passed(p_position, p_guard, p_now) then
    if v_unproven is not null then
      return coalesce(trading.follow_up(p_job, v_unproven, p_now), trading.wait_for('order_settled', 'what was unknown is known; the exit goes on'));
    elsif p_guard.id is null then
      perform trading.queue_protection(p_position.id, p_now);
    end if;
    return trading.wait_for('sell_unproven', 'an earlier sale is not proven yet; the stop stands meanwhile');
  end if;
  if p_is_whole then
    select * into v_entry from public.orders o where o.position_id = p_position.id and o.role = 'entry' and o.finished_at is null;
    if v_entry.id is not null and not trading.has_asked_to_cancel(p_job, v_entry.id) then
      update public.orders o set reason = 'position_closing' where o.id = v_entry.id;
      return trading.call_about(p_job, 'cancel', v_entry, p_now);
    end if;
  end if;
  return null;
end
$$;
comment on function trading.clear_way is 'The call or the wait that has to come before a sale; null: it may leave.';

create function trading.sell_live(p_job trading.jobs, p_position public.positions, p_guard public.orders, p_quantity numeric, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders := trading.insert_live_sell(p_position, 'exit', 0, 'MARKET', p_quantity, null, null, p_job.payload ->> 'reason', p_now);
begin
  if p_guard.id is null then
    return trading.permit_call(p_job, p_position.account_id, 'submit', p_position.symbol, trading.order_request(v_order), p_now,
      p_position.id, v_order.id, array[v_order.id]);
  end if;
  return trading.permit_call(p_job, p_position.account_id, 'replace', p_position.symbol,
    jsonb_build_object('cancel_client_order_id', p_guard.client_order_id, 'order', trading.order_request(v_order)),
    p_now, p_position.id, p_guard.id, array[v_order.id]);
end
$$;
comment on function trading.sell_live is 'The call that sells at market: in one request with the end of what rests, where something does.';

-- Beside other coins what rests ends first, and not before the exchange has said that it would take the sale.
create function trading.sell_beside(
  p_job trading.jobs, p_position public.positions, p_guard public.orders, p_part trading.exit_part, p_now timestamptz
) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_ends_first boolean := p_guard.id is not null and trading.holds_other_coins(p_position);
  v_check      jsonb;
begin
  if v_ends_first and not trading.has_asked_to_cancel(p_job, p_guard.id) then
    v_check := trading.check_successor(p_job, p_position, 'MARKET', p_part.quantity, null, null, p_now);
    if v_check is not null then
      return v_check;
    end if;
  end if;
  if p_part.is_whole then
    perform trading.begin_closing(p_position.id, p_job.payload ->> 'reason', p_now);
  end if;
  return case when v_ends_first then trading.end_guard(p_job, p_guard, p_now, 1)
    else trading.sell_live(p_job, p_position, p_guard, p_part.quantity, p_now) end;
end
$$;
comment on function trading.sell_beside is 'The next call of a sale whose way is clear, beside what rests at the exchange for the position.';

-- Who closes a position that holds nothing yet wants what its entry may have bought meanwhile to be sold, too.
create function trading.end_entry(p_job trading.jobs, p_position_id uuid, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  return (
    select trading.end_order(p_job, o.id, p_job.payload ->> 'reason', p_now)
    from public.orders o where o.position_id = p_position_id and o.role = 'entry' and o.finished_at is null);
end
$$;
comment on function trading.end_entry is 'What an exit has to do or to wait for until the entry of its position is over; null: it is.';

create function trading.lacks_fills(p_position_id uuid) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from public.positions p join public.orders o on o.position_id = p.id
    where p.id = p_position_id and p.status in ('open', 'monitoring', 'closing') and o.finished_at is null and o.venue_executed_quantity > o.filled_quantity);
end
$$;
comment on function trading.lacks_fills is 'Whether an open position has orders that executed more than the exchange shows fills for: more may have been sold, or bought, than is booked.';

-- A crossed stop fires anew by itself, at what the price is when the coins are back. What a person has told holds until then.
create function trading.find_nothing_there(p_job trading.jobs) returns jsonb
language sql immutable
return case when p_job.payload ->> 'reason' = 'stop_loss' then '{"outcome": "ignored", "code": "coins_missing"}'
  else trading.wait_for('coins_missing', 'the account holds none of the coins of this position; it is sold when they are back or written off') end;
comment on function trading.find_nothing_there is 'What an exit does whose position lacks all that could be sold.';

create function trading.exit_step(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_position   public.positions := trading.lock_position(p_job.position_id);
  v_instrument public.instruments;
  v_there      public.positions;
  v_guard      public.orders;
  v_sale       public.orders := trading.sale_of_attempt(p_job);
  v_sold       record;
  v_unshown    numeric;
  v_part       trading.exit_part;
  v_next       jsonb;
begin
  if v_sale.id is not null then
    v_next := trading.follow_up(p_job, v_sale.id, p_now);
    select * into v_sale from public.orders o where o.id = v_sale.id;
    return coalesce(v_next, case when v_sale.finished_at is null then trading.wait_for('sale_open', 'the sale is not over yet')
      when not p_job.payload ? 'quantity' and trading.lacks_fills(v_sale.position_id) then trading.wait_for('fills_missing', 'the position is not closed before all fills are shown')
      else trading.exit_outcome(p_job, v_sale, not p_job.payload ? 'quantity', p_now) end);
  end if;
  if v_position.status not in ('open', 'monitoring', 'closing') then
    v_next := trading.end_entry(p_job, v_position.id, p_now);
    select * into v_position from public.positions p where p.id = v_position.id;
    if v_next is not null or v_position.status not in ('open', 'monitoring', 'closing') then
      return coalesce(v_next, '{"outcome": "done", "code": "nothing_to_sell"}');
    end if;
  end if;
  if p_job.payload ->> 'reason' in ('take_profit', 'ai') and exists (
    select from trading.quarantines q where q.position_id = v_position.id and q.ended_at is null) then
    return '{"outcome": "ignored", "code": "position_quarantined"}';
  end if;
  select * into v_instrument from public.instruments where symbol = v_position.symbol;
  if v_instrument.status <> 'TRADING' then
    return trading.wait_for('symbol_not_trading', 'the exchange does not trade this symbol now; it is tried again');
  end if;
  v_next := trading.settle_guard(p_job, v_position.id, p_now);
  if v_next is not null then
    return v_next;
  end if;
  select * into v_position from public.positions p where p.id = v_position.id;
  -- Of a position that lacks coins only what is there can be sold; the rest waits for its owner's word. What another sell has
  -- sold by its own word waits for its fills.
  v_unshown := trading.unshown_quantity(v_position.id);
  v_there := v_position;
  v_there.quantity := trading.quantity_there(v_position);
  if v_unshown = 0 and v_there.quantity < v_position.quantity and trading.is_unsellable(v_there) then
    return trading.find_nothing_there(p_job);
  end if;
  v_sold := trading.sold_by_job(p_job.id);
  if v_sold.pending is not null and p_job.payload ? 'quantity' then
    return coalesce(trading.follow_up(p_job, v_sold.pending, p_now), trading.wait_for('sale_open', 'the sale of the part is not over yet'));
  end if;
  p_job.payload := p_job.payload || jsonb_build_object('sold', v_sold.quantity);
  v_part := trading.exit_part(v_there, v_instrument, p_job);
  v_guard := trading.resting_guard(v_position.id);
  v_next := trading.clear_way(p_job, v_position, v_guard, v_part.is_whole, p_now);
  if v_next is not null then
    return v_next;
  end if;
  if v_part.is_whole and v_unshown > 0 and trading.is_unsellable(v_there) then
    return trading.wait_for('fills_missing', 'what is left is sold by the exchange''s word; its fills are missing');
  elsif v_part.is_whole and trading.is_unsellable(v_there) then
    return trading.close_live_dust(p_job, v_position, v_guard, p_now);
  elsif v_part.quantity <= 0 then
    return '{"outcome": "done", "code": "nothing_to_sell"}';
  end if;
  return trading.sell_beside(p_job, v_position, v_guard, v_part, p_now);
end
$$;
comment on function trading.exit_step is 'The next call of an exit at an exchange, or its end. Never blocked by a halt.';

create function trading.close_live_dust(p_job trading.jobs, p_position public.positions, p_guard public.orders, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
begin
  if p_guard.id is not null then
    return trading.end_guard(p_job, p_guard, p_now);
  end if;
  if exists (select from public.orders o where o.position_id = p_position.id and o.role = 'entry' and o.finished_at is null) then
    return trading.wait_for('entry_open', 'the entry may still buy; the position is closed when it is over');
  end if;
  perform trading.begin_closing(p_position.id, p_job.payload ->> 'reason', p_now);
  select * into v_position from public.positions where id = p_position.id;
  perform trading.close_position_row(v_position, p_now);
  return jsonb_build_object('outcome', 'closed_as_dust', 'position_id', p_position.id);
end
$$;
comment on function trading.close_live_dust is 'Closes a live position whose rest cannot be sold, once nothing rests for it and its entry is over.';

-- Entry -------------------------------------------------------------------------------------------------------------

-- A job that is taken up again finds its order and never sends a second one. Where that is proven never to have been placed,
-- the decision is judged anew a moment later, for a new one (trading.may_enter_again; its signal is ready still).
create function trading.enter_step(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
  v_ids   jsonb;
  v_plan  jsonb;
begin
  perform trading.lock_portfolio(p_job.portfolio_id);
  v_order := trading.last_entry(p_job.signal_id, p_job.payload ->> 'decision_id');
  v_ids := jsonb_build_object('position_id', v_order.position_id, 'order_id', v_order.id);
  if v_order.id is not null and not (v_order.state in ('not_sent', 'rejected')
    and exists (select from public.signals s where s.id = p_job.signal_id and s.status = 'ready')) then
    return jsonb_build_object('outcome', v_order.state) || v_ids;
  elsif exists (select from trading.calls_of_attempt(p_job) c where c.order_id = v_order.id) then
    return trading.wait_for('entry_not_sent', coalesce(v_order.error_message, 'the entry was not sent') || '; it is judged again') || v_ids;
  end if;
  v_plan := trading.plan_entry(p_job, p_now, coalesce(v_order.attempt, 0) + 1);
  if v_plan ->> 'outcome' <> 'planned' then
    return v_plan;
  end if;
  select * into v_order from public.orders where id = (v_plan ->> 'order_id')::uuid;
  return trading.permit_call(p_job, v_order.account_id, 'submit', v_order.symbol, trading.order_request(v_order), p_now,
    v_order.position_id, v_order.id, array[v_order.id], true);
end
$$;
comment on function trading.enter_step is 'A live entry: planned, permitted and its call recorded in one commit; afterwards its outcome, or another attempt where it was never placed.';

reset role;
