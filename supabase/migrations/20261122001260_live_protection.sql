-- Purpose: the stop and target of a live position at the exchange, and the targets that the engine keeps itself.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Targets -----------------------------------------------------------------------------------------------------------

create function trading.arm_engine_targets(p_position public.positions) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.engine_targets as e (position_id, level, symbol, price)
  select p_position.id, t.level, p_position.symbol, t.price from unnest(p_position.take_profit_prices) with ordinality as t (price, level)
  on conflict (position_id, level) do update set price = excluded.price where e.price <> excluded.price;
  delete from trading.engine_targets e where e.position_id = p_position.id and e.level > coalesce(cardinality(p_position.take_profit_prices), 0);
end
$$;
comment on function trading.arm_engine_targets is 'One row for each take profit of a live position.';

-- Which targets rest at the exchange is read from its orders, so that it is true after every way an order can end. One that ended
-- there before it was filled rests no more, even while the books wait for the fills it has: the engine watches what it left.
create function trading.settle_engine_targets(p_position_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.engine_targets e set is_at_venue = r.is_resting, fired_at = case when r.is_filled then coalesce(e.fired_at, p_now) else e.fired_at end
  from (
    select t.level,
      exists (select from public.orders o where o.position_id = p_position_id and o.role = 'take_profit' and o.level = t.level and o.finished_at is null
        and (o.venue_executed_quantity >= o.quantity or not trading.is_over_at_venue(o.id))) as is_resting,
      exists (select from public.orders o where o.position_id = p_position_id and o.role = 'take_profit' and o.level = t.level and o.state = 'filled') as is_filled
    from trading.engine_targets t where t.position_id = p_position_id
  ) r
  where e.position_id = p_position_id and e.level = r.level
    and (e.is_at_venue <> r.is_resting or (r.is_filled and e.fired_at is null));
end
$$;
comment on function trading.settle_engine_targets is 'Marks which targets of a position rest at the exchange and which were filled there.';

-- What should rest ---------------------------------------------------------------------------------------------------

create type trading.guard_plan as (quantity numeric, stop numeric, stop_limit numeric, target_level int, target numeric, obstacle text);
comment on type trading.guard_plan is 'The stop, and with it at most one target, that should rest at the exchange; stop_limit where the symbol knows no stop that sells at market; obstacle: why it cannot rest there (below_minimum, no_slot).';

-- Several targets: the farthest rests with the stop for the whole quantity, the nearer ones are the engine's.
create function trading.plan_guard(p_position public.positions) returns trading.guard_plan
language plpgsql stable set search_path = ''
as $$
declare
  v_instrument public.instruments;
  v_plan       trading.guard_plan;
begin
  select * into v_instrument from public.instruments i where i.symbol = p_position.symbol;
  v_plan.quantity := trading.floor_to_step(trading.quantity_there(p_position), v_instrument.lot_step);
  -- The tick may have changed since the position was entered: a coarser one would refuse what fitted then.
  v_plan.stop := trading.ceil_to_step(p_position.stop_loss_price, v_instrument.tick_size);
  if not 'STOP_LOSS' = any (v_instrument.order_types) then
    v_plan.stop_limit := trading.floor_to_step(v_plan.stop * 0.99, v_instrument.tick_size);
  end if;
  v_plan.obstacle := case
    when v_plan.quantity < greatest(v_instrument.lot_min, v_instrument.lot_step)
      or v_plan.quantity * coalesce(v_plan.stop_limit, v_plan.stop) < v_instrument.notional_min then 'below_minimum'
    when not trading.has_stop_slot(p_position) then 'no_slot' end;
  select e.level, trading.floor_to_step(e.price, v_instrument.tick_size) into v_plan.target_level, v_plan.target from trading.engine_targets e
  where e.position_id = p_position.id and e.fired_at is null order by e.level desc limit 1;
  return v_plan;
end
$$;
comment on function trading.plan_guard is 'What should rest at the exchange for a live position as it is now.';

-- Whoever ends one leg ends the list: the other one rests nowhere, even before it was asked about.
create function trading.is_ended_with_list(p_order public.orders) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from public.orders l join trading.exchange_calls c on c.order_id = l.id and c.action in ('cancel', 'replace')
      and (c.outcome = 'accepted' or c.reason = 'replace_half_done')
    where l.position_id = p_order.position_id and l.order_list_id = p_order.order_list_id and l.id <> p_order.id);
end
$$;
comment on function trading.is_ended_with_list is 'Whether an order''s list was ended at the exchange through its other leg; its own fills may still be missing.';

-- A list ends with either of its legs: what we have ended by one of them does not rest any more, whoever says so later. Nor
-- does what has ended and lacks fills.
create function trading.resting_guard(p_position_id uuid) returns public.orders
language plpgsql stable set search_path = ''
as $$
declare
  v_order public.orders;
begin
  select o.* into v_order from public.orders o
  where o.position_id = p_position_id and o.role in ('stop_loss', 'take_profit') and o.state in ('working', 'partially_filled')
    and not trading.is_ended_with_list(o) and not trading.is_over_at_venue(o.id)
  order by o.role, o.attempt desc limit 1;
  return v_order;
end
$$;
comment on function trading.resting_guard is 'The stop that rests at the exchange, or a target where only that is left; all null: nothing rests.';

-- Placing -----------------------------------------------------------------------------------------------------------

create function trading.insert_guard_stop(p_position public.positions, p_plan trading.guard_plan, p_now timestamptz) returns public.orders
language plpgsql volatile set search_path = ''
as $$
begin
  return trading.insert_live_sell(p_position, 'stop_loss', 0, case when p_plan.stop_limit is null then 'STOP_LOSS' else 'STOP_LOSS_LIMIT' end,
    p_plan.quantity, p_plan.stop_limit, p_plan.stop, '', p_now);
end
$$;
comment on function trading.insert_guard_stop is 'The intent of a plan''s stop, submitting.';

create function trading.place_guard(p_job trading.jobs, p_position public.positions, p_plan trading.guard_plan, p_is_pair boolean, p_now timestamptz)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_stop   public.orders := trading.insert_guard_stop(p_position, p_plan, p_now);
  v_target public.orders;
begin
  if not p_is_pair then
    return trading.permit_call(p_job, p_position.account_id, 'submit', p_position.symbol, trading.order_request(v_stop), p_now,
      p_position.id, v_stop.id, array[v_stop.id]);
  end if;
  v_target := trading.insert_live_sell(p_position, 'take_profit', p_plan.target_level, 'LIMIT_MAKER', p_plan.quantity, p_plan.target, null, '', p_now);
  return trading.permit_call(p_job, p_position.account_id, 'submit_pair', p_position.symbol, jsonb_build_object(
      'list_client_order_id', trading.client_order_id(trading.derived_id('list', v_stop.id::text)), 'quantity', trading.money_text(p_plan.quantity),
      'target', jsonb_build_object('client_order_id', v_target.client_order_id, 'price', trading.money_text(v_target.price)),
      'stop', jsonb_build_object('client_order_id', v_stop.client_order_id, 'trigger_price', trading.money_text(v_stop.trigger_price),
        'price', trading.money_text(v_stop.price))),
    p_now, p_position.id, v_stop.id, array[v_stop.id, v_target.id]);
end
$$;
comment on function trading.place_guard is 'The call that rests a stop at the exchange, with its target as one list (p_is_pair) or alone.';

-- One request ends the old list and places the new stop; the target lives in the engine from then on.
create function trading.move_guard(p_job trading.jobs, p_position public.positions, p_old public.orders, p_plan trading.guard_plan, p_now timestamptz)
returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_stop public.orders := trading.insert_guard_stop(p_position, p_plan, p_now);
begin
  return trading.permit_call(p_job, p_position.account_id, 'replace', p_position.symbol,
    jsonb_build_object('cancel_client_order_id', p_old.client_order_id, 'order', trading.order_request(v_stop)),
    p_now, p_position.id, p_old.id, array[v_stop.id]);
end
$$;
comment on function trading.move_guard is 'The call that replaces what rests (and its list) by a stop as it should be.';

-- A sell of the position that may still be waiting at the exchange, or a sale that is not over there: until then nothing is
-- placed beside it, for what is held is less than the books say.
create function trading.unfenced_unknown(p_position_id uuid, p_roles text[]) returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select o.id from public.orders o left join trading.venue_orders v on v.order_id = o.id
    where o.position_id = p_position_id and o.role = any (p_roles) and v.fenced_at is null
      and (o.state in ('submitting', 'unknown') or (o.role = 'exit' and o.state in ('working', 'partially_filled') and not trading.is_over_at_venue(o.id)))
    order by o.created_at, o.id limit 1
  );
end
$$;
comment on function trading.unfenced_unknown is 'A sell that nobody knows the fate of and that is not fenced, or a market sale that is not over; null: none.';

create function trading.unproven_sale(p_position public.positions) returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select o.id from public.orders o
    where o.position_id = p_position.id and o.side = 'SELL' and o.state = 'unknown' and trading.holds_other_coins(p_position)
    order by o.created_at limit 1
  );
end
$$;
comment on function trading.unproven_sale is 'A sell nobody knows the fate of, where the coins for another one would come from somebody else; null: none.';

create function trading.tell_refused_stop(p_position public.positions, p_reason text, p_message text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'critical', 'venue_stop_refused', p_position.user_id, 'position', p_position.id::text,
    format('The exchange refuses a stop for the position in %s; the engine''s own stop is armed.', p_position.symbol),
    jsonb_build_object('reason', p_reason, 'message', p_message));
end
$$;
comment on function trading.tell_refused_stop is 'Opens the owner''s alert for a stop that the exchange refuses for what it is, or counts another try; the stop that rests resolves it.';

-- The worker that was to send one may be gone. One that was fenced and then found has sold what its fills will say.
create function trading.has_sale_under_way(p_position_id uuid, p_now timestamptz) returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.give_up_placing(o.id, p_now) from public.orders o where o.position_id = p_position_id and o.role = 'exit' and o.state = 'submitting';
  return exists (
    select from public.orders o left join trading.venue_orders v on v.order_id = o.id
    where o.position_id = p_position_id and o.role = 'exit' and o.finished_at is null and (o.state <> 'unknown' or v.fenced_at is null)
      and not trading.is_over_at_venue(o.id));
end
$$;
comment on function trading.has_sale_under_way is 'Whether a sale of a live position may still sell; one that its worker has not sent, and can not any more, is given up first.';

create function trading.protect_step(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions := trading.lock_position(p_job.position_id);
  v_last     trading.exchange_calls := trading.last_call(p_job);
  v_plan     trading.guard_plan;
  v_guard    public.orders;
  v_unknown  uuid := trading.unfenced_unknown(p_job.position_id, '{stop_loss,take_profit}');
  v_next     jsonb;
begin
  if v_position.status not in ('open', 'monitoring', 'closing') then
    return '{"outcome": "done", "code": "not_open"}';
  end if;
  if v_unknown is not null then
    return coalesce(trading.follow_up(p_job, v_unknown, p_now), trading.wait_for('order_settled', 'what was unknown is known; looked at again'));
  end if;
  -- Its own end brings the protection back.
  if trading.has_sale_under_way(v_position.id, p_now) then
    return '{"outcome": "done", "code": "exit_under_way"}';
  end if;
  if (select i.status from public.instruments i where i.symbol = v_position.symbol) <> 'TRADING' then
    return trading.wait_for('symbol_not_trading', 'the exchange does not trade this symbol now; it is tried again');
  end if;
  v_next := trading.settle_guard(p_job, v_position.id, p_now);
  if v_next is not null then
    return v_next;
  end if;
  v_guard := trading.resting_guard(v_position.id);
  -- A target without its stop: its list was ended with that, and what it sold before is not known yet. It is no guard.
  if v_guard.role is distinct from 'stop_loss' then
    v_next := coalesce(trading.ask_for_unshown(p_job, v_position.id, p_now),
      case when v_guard.venue_executed_quantity = v_guard.filled_quantity then trading.follow_up(p_job, v_guard.id, p_now) end);
    if v_next is not null then
      return v_next;
    end if;
  end if;
  perform trading.arm_engine_targets(v_position);
  perform trading.settle_engine_targets(v_position.id, p_now);
  v_plan := trading.plan_guard(v_position);

  if v_plan.obstacle is not null then
    -- What rests is for coins that are not there: it must not sell what the owner has besides.
    if v_guard.id is not null then
      return trading.end_guard(p_job, v_guard, p_now);
    end if;
    perform trading.note_naked(v_position.id, v_plan.obstacle, p_now);
    return jsonb_build_object('outcome', 'done', 'code', v_plan.obstacle);
  end if;
  if v_guard.role = 'stop_loss' and (v_guard.quantity - v_guard.venue_executed_quantity, v_guard.trigger_price) = (v_plan.quantity, v_plan.stop) then
    perform trading.note_guarded(v_position.id, v_guard.id, p_now);
    return jsonb_build_object('outcome', 'done', 'position_id', v_position.id, 'order_id', v_guard.id);
  end if;
  v_unknown := trading.unproven_sale(v_position);
  if v_unknown is not null then
    return coalesce(trading.follow_up(p_job, v_unknown, p_now), trading.wait_for('sell_unproven', 'an earlier sale is not proven yet; the engine''s own stop stands'));
  end if;
  if v_guard.id is not null and trading.holds_other_coins(v_position) then
    return trading.end_guard_for(p_job, v_position, v_guard, v_plan, p_now);
  end if;
  if v_guard.id is not null then
    return case when v_last.action = 'replace' then trading.wait_for(coalesce(v_last.reason, 'replace_failed'), 'the old protection stands; it is moved again')
      else trading.move_guard(p_job, v_position, v_guard, v_plan, p_now) end;
  end if;
  perform trading.note_naked(v_position.id, coalesce((select s.naked_cause from trading.engine_stops s where s.position_id = v_position.id), 'lost'), p_now);
  return trading.place_missing_guard(p_job, v_position, v_plan, v_last, p_now);
end
$$;
comment on function trading.protect_step is 'Brings what rests at the exchange in line with what a live position holds: one stop for all of it, with a target where that fits.';

-- A pair that is refused is tried as a stop alone: the engine keeps the target. A stop that is refused leaves the engine's own.
create function trading.place_missing_guard(
  p_job trading.jobs, p_position public.positions, p_plan trading.guard_plan, p_last trading.exchange_calls, p_now timestamptz
) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_market public.market_prices;
begin
  if trading.is_about_to_be_sold(p_position.id, p_now) then
    return trading.wait_for('exit_under_way', 'what rested was ended for a sale that comes next; if it does not, the stop comes back');
  end if;
  select * into v_market from public.market_prices m where m.symbol = p_position.symbol;
  -- One that died as it was placed would die again: it is given time, and the budget of orders is left to sales.
  if p_last.action in ('submit', 'submit_pair', 'replace') and p_last.outcome = 'accepted' then
    return trading.wait_for('stop_ended', 'the stop was placed and ended at once; it is tried again');
  end if;
  if p_last.action in ('submit', 'replace') and p_last.outcome <> 'accepted' then
    if p_last.reason = 'filter_failed' or p_last.reason = 'bad_request' then
      perform trading.tell_refused_stop(p_position, p_last.reason, p_last.message, p_now);
    end if;
    if p_last.action = 'submit' and p_last.reason = 'would_trigger_at_once' then
      return trading.fire_crossed_stop(p_position, p_now);
    end if;
    if p_last.action = 'submit' or p_last.reason is distinct from 'replace_half_done' then
      return trading.wait_for(coalesce(p_last.reason, 'stop_not_placed'), coalesce(p_last.message, 'the stop could not be placed; it is tried again'));
    end if;
  end if;
  -- What is not about the pair itself would keep the stop alone away as well.
  if p_last.action = 'submit_pair' and p_last.outcome <> 'accepted'
    and p_last.reason not in ('filter_failed', 'bad_request', 'refused', 'would_trigger_at_once', 'too_many_orders') then
    return trading.wait_for(p_last.reason, coalesce(p_last.message, 'the stop could not be placed; it is tried again'));
  end if;
  return trading.place_guard(p_job, p_position, p_plan,
    p_plan.target is not null and coalesce(p_last.action, 'lookup') in ('lookup', 'fills', 'cancel') and (v_market.bid is null or v_market.bid < p_plan.target), p_now);
end
$$;
comment on function trading.place_missing_guard is 'Places a stop where none rests: with its target first, alone where that was refused or the market is past it.';

reset role;
