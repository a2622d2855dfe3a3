-- Purpose: the stop and the targets that guard a position.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- How many take-profit levels the quantity can serve: each part must be an order the exchange accepts.
create function trading.split_targets(p_quantity numeric, p_prices numeric[], p_instrument public.instruments)
returns table (part int, price numeric, quantity numeric)
language plpgsql immutable set search_path = ''
as $$
declare
  v_parts int := coalesce(cardinality(p_prices), 0);
  v_each  numeric;
begin
  while v_parts > 0 loop
    v_each := trading.floor_to_step(p_quantity / v_parts, p_instrument.lot_step);
    exit when v_each >= greatest(p_instrument.lot_min, p_instrument.lot_step)
      and v_each * p_prices[1] >= p_instrument.notional_min;
    v_parts := v_parts - 1;
  end loop;
  return query
    select i, p_prices[i], case when i < v_parts then v_each else p_quantity - v_each * (v_parts - 1) end
    from generate_series(1, v_parts) i;
end
$$;
comment on function trading.split_targets is 'Equal parts of a quantity over the nearest take profits, the last taking the rest; fewer levels where parts would be too small.';

create type trading.protective_leg as (role text, level int, attempt int, quantity numeric, price numeric);
comment on type trading.protective_leg is 'A stop (level 0) or a take profit to be placed: how much, and at which price.';

create function trading.insert_protective(p_position public.positions, p_legs trading.protective_leg[], p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into public.orders (id, user_id, trader_id, signal_id, position_id, portfolio_id, account_id, role, attempt, level, symbol, side,
    type, time_in_force, quantity, price, trigger_price, client_order_id, state, is_paper_trade, permitted_at, submitted_at, created_at, updated_at)
  select n.id, p_position.user_id, p_position.trader_id, p_position.signal_id, p_position.id, p_position.portfolio_id, p_position.account_id,
    l.role, l.attempt, l.level, p_position.symbol, 'SELL', case l.role when 'stop_loss' then 'STOP_LOSS' else 'LIMIT' end, 'GTC', l.quantity,
    case when l.role = 'take_profit' then l.price end, case when l.role = 'stop_loss' then l.price end,
    trading.client_order_id(n.id), 'working', p_position.is_paper_trade, p_now, p_now, p_now, p_now
  from unnest(p_legs) l
  cross join lateral (select trading.derived_id('order', p_position.id::text, l.role, l.level::text, l.attempt::text) as id) n;
end
$$;
comment on function trading.insert_protective is 'Rests new protective orders on the paper venue, all in one statement.';

create function trading.place_protective(
  p_position public.positions, p_role text, p_level int, p_quantity numeric, p_price numeric, p_now timestamptz
) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_order   public.orders;
  v_attempt int;
begin
  select * into v_order from public.orders o
  where o.position_id = p_position.id and o.role = p_role and o.level = p_level and o.state in ('working', 'partially_filled');
  if found then
    update public.orders o set quantity = p_quantity + o.filled_quantity,
      price = case when p_role = 'take_profit' then p_price end, trigger_price = case when p_role = 'stop_loss' then p_price end,
      updated_at = p_now
    where o.id = v_order.id
      and (o.quantity, coalesce(o.price, o.trigger_price)) is distinct from (p_quantity + o.filled_quantity, p_price);
    if found then
      perform trading.audit(p_now, 'order_resized', v_order.user_id, v_order.trader_id, 'order', v_order.id::text,
        jsonb_build_object('role', p_role, 'quantity', trading.money_text(p_quantity), 'price', trading.money_text(p_price)));
    end if;
    return;
  end if;
  select coalesce(max(o.attempt), 0) + 1 into v_attempt from public.orders o
  where o.position_id = p_position.id and o.role = p_role and o.level = p_level;
  perform trading.insert_protective(p_position, array[row(p_role, p_level, v_attempt, p_quantity, p_price)::trading.protective_leg], p_now);
end
$$;
comment on function trading.place_protective is 'Rests a protective order on the paper venue, or resizes the one that rests there.';

create function trading.place_first_protection(
  p_position public.positions, p_instrument public.instruments, p_sellable numeric, p_now timestamptz
) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.insert_protective(p_position,
    row('stop_loss', 0, 1, p_sellable, p_position.stop_loss_price)::trading.protective_leg
      || array(select row('take_profit', t.part, 1, t.quantity, t.price)::trading.protective_leg
               from trading.split_targets(p_sellable, p_position.take_profit_prices, p_instrument) t), p_now);
end
$$;
comment on function trading.place_first_protection is 'Rests stop and take profits of a position that never had any on the paper venue.';

-- Brings stop and targets in line with what is held: one group whose largest leg is the whole quantity, never more.
create function trading.sync_protection(p_position public.positions, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_instrument public.instruments;
  v_sellable   numeric;
  v_target     record;
  v_levels     int := 0;
  v_prices     numeric[];
  v_level_of   int[];
begin
  insert into trading.engine_stops as s (position_id, symbol, trigger_price, armed_at, naked_since, naked_cause)
  values (p_position.id, p_position.symbol, p_position.stop_loss_price, p_now,
    case when not p_position.is_paper_trade then trading.bought_at(p_position, p_now) end, case when not p_position.is_paper_trade then 'opened' end)
  on conflict (position_id) do update set trigger_price = excluded.trigger_price
    where s.trigger_price <> excluded.trigger_price;
  if not p_position.is_paper_trade then
    perform trading.queue_protection(p_position.id, p_now);
    return;
  end if;
  select * into v_instrument from public.instruments where symbol = p_position.symbol;
  v_sellable := trading.floor_to_step(p_position.quantity, v_instrument.lot_step);
  if v_sellable > 0 and not exists (select from public.orders o where o.position_id = p_position.id and o.role = 'stop_loss') then
    perform trading.place_first_protection(p_position, v_instrument, v_sellable, p_now);
    return;
  end if;
  if v_sellable > 0 then
    perform trading.place_protective(p_position, 'stop_loss', 0, v_sellable, p_position.stop_loss_price, p_now);
    -- Levels already filled are done; the open ones share what is left.
    select array_agg(t.price order by t.level), array_agg(t.level order by t.level) into v_prices, v_level_of
    from unnest(p_position.take_profit_prices) with ordinality as t (price, level)
    where not exists (select from public.orders o where o.position_id = p_position.id and o.role = 'take_profit'
      and o.level = t.level and o.state = 'filled');
    for v_target in select * from trading.split_targets(v_sellable, v_prices, v_instrument) loop
      perform trading.place_protective(p_position, 'take_profit', v_level_of[v_target.part], v_target.quantity, v_target.price, p_now);
      v_levels := v_target.part;
    end loop;
  end if;
  update public.orders o set state = 'cancelled', reason = 'quantity too small for this level', finished_at = p_now, updated_at = p_now
  where o.position_id = p_position.id and o.role = 'take_profit' and o.state in ('working', 'partially_filled')
    and o.level <> all (coalesce(v_level_of[1:v_levels], '{}'));
end
$$;
comment on function trading.sync_protection is 'Arms the engine stop of an open position and brings its stop and take profits to today''s quantity: rests them on paper, queues that for an exchange.';

create function trading.end_protection(p_position_id uuid, p_reason text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.note_sold(p_position_id, p_now);
  delete from trading.engine_stops where position_id = p_position_id;
  delete from trading.engine_targets where position_id = p_position_id;
  -- What still rests at an exchange for a position that holds nothing must not sell what its owner has besides.
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, order_id, payload)
  select 'cancel', concat_ws(':', 'leftover', o.id, o.version), o.portfolio_id, false, p_now, o.position_id, o.id, jsonb_build_object('reason', p_reason)
  from public.orders o
  where o.position_id = p_position_id and not o.is_paper_trade and o.side = 'SELL' and o.finished_at is null and not trading.is_ended_with_list(o)
  on conflict (key) do nothing;
  update public.orders o set state = 'cancelled', reason = p_reason, finished_at = p_now, updated_at = p_now
  where o.position_id = p_position_id and o.is_paper_trade and o.role in ('stop_loss', 'take_profit')
    and o.state in ('working', 'partially_filled');
end
$$;
comment on function trading.end_protection is 'Disarms the engine stop of a position that holds nothing and cancels its protective orders, on paper at once.';

-- A paper fill may be recorded after the market went on: its entry waited in the queue, or a resting limit was hit inside the
-- tick that also went on to the stop. What has been missed since the fill happens now, at the market of then. A limit
-- above the stop was hit before it, so the tick that filled it counts; a taker's own quote does not.
create function trading.catch_up_protection(p_position public.positions, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_fill public.trades;
  v_at   timestamptz;
begin
  if not p_position.is_paper_trade then
    return;
  end if;
  select * into v_fill from public.trades t where t.position_id = p_position.id and t.side = 'BUY' order by t.executed_at desc, t.sequence desc limit 1;
  select q.observed_at into v_at from trading.quotes q
  where q.symbol = p_position.symbol and q.observed_at >= v_fill.executed_at
    and (q.observed_at > v_fill.executed_at or v_fill.is_maker) and least(q.bid, q.low) <= p_position.stop_loss_price
  order by q.observed_at limit 1;
  if v_at is not null then
    update trading.engine_stops s set fired_at = p_now where s.position_id = p_position.id and s.fired_at is null;
    perform trading.enqueue_job('exit', 'stop:' || p_position.id || ':' || to_char(v_at, 'YYYYMMDDHH24MISSUS'), p_position.portfolio_id, true,
      p_now, p_position_id => p_position.id, p_payload => jsonb_build_object('reason', 'stop_loss', 'market_at', v_at));
    return;
  end if;
  select q.observed_at into v_at from trading.quotes q
  where q.symbol = p_position.symbol and q.observed_at > v_fill.executed_at and greatest(q.bid, q.high) > (
    select min(o.price) from public.orders o
    where o.position_id = p_position.id and o.role = 'take_profit' and o.state in ('working', 'partially_filled'))
  order by q.observed_at limit 1;
  if v_at is not null then
    perform trading.enqueue_job('sync', 'match:' || p_position.id || ':' || to_char(v_at, 'YYYYMMDDHH24MISSUS'), p_position.portfolio_id, true,
      p_now, p_position_id => p_position.id, p_payload => jsonb_build_object('market_at', v_at));
  end if;
end
$$;
comment on function trading.catch_up_protection is 'Queues the stop, or else the targets, that the market reached between a paper position''s last buy and the arming of its protection.';

reset role;
