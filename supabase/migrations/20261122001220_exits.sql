-- Purpose: exits, resting orders, cancels and resized stops on the paper venue.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Exit --------------------------------------------------------------------------------------------------------------

-- Locks in the one order and returns the position as it is afterwards.
create function trading.lock_position(p_position_id uuid) returns public.positions
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions;
begin
  select * into v_position from public.positions where id = p_position_id;
  if not found then
    perform trading.raise_error('FB404', 'position_not_found', 'there is no such position', jsonb_build_object('position_id', p_position_id));
  end if;
  perform trading.lock_portfolio(v_position.portfolio_id);
  perform from trading.accounts a where a.id = v_position.account_id for no key update;
  perform from public.signals s where s.id = v_position.signal_id for no key update;
  perform from public.positions p where p.id = p_position_id for no key update;
  select * into v_position from public.positions where id = p_position_id;
  return v_position;
end
$$;
comment on function trading.lock_position is 'Locks portfolio, account, signal and position in that order and returns the position. FB404 position_not_found.';

create function trading.cancel_entry_rest(p_position_id uuid, p_reason text, p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
  v_count int := 0;
begin
  for v_order in select * from public.orders o where o.position_id = p_position_id and o.role = 'entry'
    and o.state in ('planned', 'submitting', 'unknown', 'working', 'partially_filled') loop
    if not v_order.is_paper_trade then
      perform trading.enqueue_job('cancel', concat_ws(':', 'rest', v_order.id, v_order.version, p_reason), v_order.portfolio_id, false, p_now,
        p_position_id => p_position_id, p_order_id => v_order.id, p_payload => jsonb_build_object('reason', p_reason));
      continue;
    end if;
    update public.orders o set reason = p_reason where o.id = v_order.id;
    perform trading.fold_report(v_order.id, jsonb_build_object('status', 'cancelled', 'executed_quantity', v_order.filled_quantity), p_now);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function trading.cancel_entry_rest is 'Cancels what is left of a position''s entry, on paper at once and at an exchange by a job; returns how many orders it ended.';

-- Why selling now would end in nothing, or null. Asked before an order is made, so that tries leave no rows behind.
create function trading.exit_obstacle(p_position public.positions, p_instrument public.instruments, p_market_at timestamptz) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_quote trading.quotes := trading.quote_at(p_position.symbol, p_market_at);
begin
  return case
    when p_instrument.status <> 'TRADING' then 'symbol_not_trading'
    when v_quote.symbol is null then 'price_missing'
    when jsonb_typeof(v_quote.depth -> 'bids') = 'array' and (
      select coalesce(sum((e.value ->> 1)::numeric), 0) from jsonb_array_elements(v_quote.depth -> 'bids') e)
      <= trading.paper_taken(p_position.id, 'SELL', v_quote) then 'book_empty'
  end;
end
$$;
comment on function trading.exit_obstacle is 'symbol_not_trading, price_missing, book_empty (all its bids taken by this position), or null when a sale can be tried.';

-- The order an exit is carried out by: the protective one that triggered, else a new market sell. A stop was at the exchange
-- when the market met it; a market sell has to travel there.
create function trading.exit_order(p_position public.positions, p_job trading.jobs, p_quantity numeric, p_market_at timestamptz, p_now timestamptz)
returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_order   public.orders;
  v_id      uuid;
  v_attempt int;
begin
  if p_job.payload ->> 'reason' = 'stop_loss' then
    update public.orders o set market_at = p_market_at, reason = 'stop_loss'
    where o.position_id = p_position.id and o.role = 'stop_loss' and o.state = 'working'
    returning * into v_order;
    return v_order;
  end if;
  select coalesce(max(o.attempt), 0) + 1 into v_attempt from public.orders o where o.position_id = p_position.id and o.role = 'exit';
  v_id := trading.derived_id('order', p_position.id::text, 'exit', '0', v_attempt::text);
  insert into public.orders (id, user_id, trader_id, signal_id, position_id, portfolio_id, account_id, role, attempt, symbol, side, type,
    time_in_force, quantity, client_order_id, state, permitted_at, is_paper_trade, market_at, reason, created_at, updated_at)
  values (v_id, p_position.user_id, p_position.trader_id, p_position.signal_id, p_position.id, p_position.portfolio_id, p_position.account_id,
    'exit', v_attempt, p_position.symbol, 'SELL', 'MARKET', 'GTC', p_quantity, trading.client_order_id(v_id), 'submitting', p_now,
    p_position.is_paper_trade, p_market_at + (select trading.paper_latency(v_id, s) from trading.settings s), p_job.payload ->> 'reason',
    p_now, p_now)
  returning * into v_order;
  return v_order;
end
$$;
comment on function trading.exit_order is 'The working stop for a stop exit, else a new market sell, permitted as it is: exits pass every halt.';

-- What became of a sale: its end, or the next try for what is left of it. The first try met the quote that caused it; the
-- next one meets the market as it is then.
create function trading.exit_outcome(p_job trading.jobs, p_order public.orders, p_is_whole boolean, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  if p_order.finished_at is null or p_order.state = 'filled' or (select p.status from public.positions p where p.id = p_order.position_id) = 'closed' then
    return jsonb_build_object('outcome', p_order.state, 'position_id', p_order.position_id, 'order_id', p_order.id);
  end if;
  update trading.jobs j set payload = (j.payload - 'market_at') || case when p_is_whole then '{}'
    else jsonb_build_object('sold', coalesce((j.payload ->> 'sold')::numeric, 0) + p_order.filled_quantity) end
  where j.id = p_job.id;
  return jsonb_strip_nulls(jsonb_build_object('outcome', 'retry', 'code', 'exit_incomplete', 'cause', p_order.error_code,
    'message', coalesce(p_order.error_message, 'the exit did not fill')));
end
$$;
comment on function trading.exit_outcome is 'The outcome of an exit''s order: done, or retry exit_incomplete, for a part with what was sold already.';

create type trading.exit_part as (quantity numeric, is_whole boolean);
comment on type trading.exit_part is 'How much of a position an exit sells: base quantity, and whether that is all that can be sold.';

-- What a part would leave behind must still be sellable; otherwise the part becomes the whole.
create function trading.exit_part(p_position public.positions, p_instrument public.instruments, p_job trading.jobs) returns trading.exit_part
language plpgsql stable set search_path = ''
as $$
declare
  v_sellable numeric := trading.floor_to_step(p_position.quantity, p_instrument.lot_step);
  v_wanted   numeric := (p_job.payload ->> 'quantity')::numeric - coalesce((p_job.payload ->> 'sold')::numeric, 0);
begin
  v_wanted := least(trading.floor_to_step(coalesce(v_wanted, v_sellable), p_instrument.lot_step), v_sellable);
  if v_wanted = v_sellable or trading.is_unsellable(
    jsonb_populate_record(p_position, jsonb_build_object('quantity', p_position.quantity - v_wanted))) then
    return row(v_sellable, true)::trading.exit_part;
  end if;
  -- What is too little by itself stays with the rest: the exchange would refuse it each time.
  if trading.is_unsellable(jsonb_populate_record(p_position, jsonb_build_object('quantity', v_wanted))) then
    return row(0, false)::trading.exit_part;
  end if;
  return row(v_wanted, false)::trading.exit_part;
end
$$;
comment on function trading.exit_part is 'What an exit job has still to sell of a position, on the lot step and never more than is held; zero for a part that is below the exchange''s minimum by itself.';

create function trading.execute_exit(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_position   public.positions := trading.lock_position(p_job.position_id);
  v_instrument public.instruments;
  v_order      public.orders;
  v_part       trading.exit_part;
  v_obstacle   text;
  v_market_at  timestamptz := coalesce((p_job.payload ->> 'market_at')::timestamptz, p_now);
begin
  if v_position.status not in ('open', 'monitoring', 'closing') then
    perform trading.cancel_entry_rest(v_position.id, p_job.payload ->> 'reason', p_now);
    return jsonb_build_object('outcome', 'done', 'code', 'nothing_to_sell');
  end if;
  select * into v_instrument from public.instruments where symbol = v_position.symbol;
  v_part := trading.exit_part(v_position, v_instrument, p_job);
  if v_part.is_whole then
    if trading.cancel_entry_rest(v_position.id, 'position_closing', p_now) > 0 then
      select * into v_position from public.positions where id = v_position.id;
    end if;
    if trading.is_unsellable(v_position) then
      perform trading.begin_closing(v_position.id, p_job.payload ->> 'reason', p_now);
      select * into v_position from public.positions where id = v_position.id;
      perform trading.close_position_row(v_position, p_now);
      return jsonb_build_object('outcome', 'closed_as_dust', 'position_id', v_position.id);
    end if;
  elsif v_part.quantity <= 0 then
    return jsonb_build_object('outcome', 'done', 'code', 'nothing_to_sell');
  end if;
  v_obstacle := trading.exit_obstacle(v_position, v_instrument, v_market_at);
  if v_obstacle is not null then
    return jsonb_build_object('outcome', 'retry', 'code', v_obstacle, 'message', 'nothing can be sold now; it is tried again');
  end if;
  if v_part.is_whole then
    perform trading.begin_closing(v_position.id, p_job.payload ->> 'reason', p_now);
  end if;
  v_order := trading.exit_order(v_position, p_job, v_part.quantity, v_market_at, p_now);
  if v_order.id is null then
    return jsonb_build_object('outcome', 'retry', 'code', 'stop_not_resting', 'message', 'the position has no resting stop; it is placed again');
  end if;
  return trading.exit_outcome(p_job, trading.send_paper_order(v_order, p_now), v_part.is_whole, p_now);
end
$$;
comment on function trading.execute_exit is 'Sells all or part of a paper position at market or by its stop; what did not fill is tried again. Never blocked by a halt.';

-- Sync and cancel ---------------------------------------------------------------------------------------------------

-- The job of an exit that had to travel was done when it left. What it did not sell becomes a job of its own.
create function trading.sell_rest(p_order public.orders, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if p_order.role = 'exit' and p_order.state in ('expired', 'rejected') and exists (
    select from public.positions p where p.id = p_order.position_id and p.status in ('open', 'monitoring')) then
    perform trading.enqueue_job('exit', 'rest:' || p_order.id, p_order.portfolio_id, p_order.is_paper_trade, p_now + interval '1 second',
      p_position_id => p_order.position_id,
      p_payload => jsonb_build_object('reason', p_order.reason, 'quantity', trading.money_text(p_order.quantity - p_order.filled_quantity)));
  end if;
end
$$;
comment on function trading.sell_rest is 'Queues the sale of what an arrived exit order did not sell.';

create function trading.execute_sync(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_order      public.orders;
  v_quote      trading.quotes;
  v_settings   trading.settings;
  v_instrument public.instruments;
  v_position   public.positions := trading.lock_position(p_job.position_id);
  v_market_at  timestamptz := coalesce((p_job.payload ->> 'market_at')::timestamptz, p_now);
  v_id         uuid;
begin
  if p_job.order_id is not null then
    perform from public.orders o where o.id = p_job.order_id for no key update;
    select * into v_order from public.orders o where o.id = p_job.order_id;
    if v_order.state = 'submitting' then
      v_order := trading.fold_report(v_order.id, trading.paper_submit(v_order, p_now), p_now);
      perform trading.sell_rest(v_order, p_now);
    end if;
    return jsonb_build_object('outcome', v_order.state, 'order_id', v_order.id, 'position_id', v_order.position_id);
  end if;
  select * into v_settings from trading.settings;
  select * into v_instrument from public.instruments where symbol = v_position.symbol;
  v_quote := trading.quote_at(v_position.symbol, v_market_at);
  -- The nearest first; each is read again, because the one before may have resized it.
  for v_id in select o.id from public.orders o where o.position_id = v_position.id and o.type = 'LIMIT' and o.state in ('working', 'partially_filled')
    order by o.role, o.level loop
    select * into v_order from public.orders o where o.id = v_id for no key update;
    if v_order.state in ('working', 'partially_filled') then
      v_order := trading.fold_report(v_order.id, trading.paper_rest(v_order, v_instrument, v_quote, v_settings, v_market_at), p_now);
    end if;
  end loop;
  return jsonb_build_object('outcome', coalesce(v_order.state, 'nothing_rests'), 'position_id', v_position.id);
end
$$;
comment on function trading.execute_sync is 'Asks the paper venue: about one order that arrives after its latency, or about all resting limits of a position at a quote.';

create function trading.execute_protect(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_position public.positions := trading.lock_position(p_job.position_id);
begin
  if v_position.status not in ('open', 'monitoring') then
    return '{"outcome": "done", "code": "not_open"}';
  end if;
  perform trading.sync_protection(v_position, p_now);
  return jsonb_build_object('outcome', 'done', 'position_id', v_position.id);
end
$$;
comment on function trading.execute_protect is 'Brings what rests on the paper venue in line with what a position can sell by the symbol''s rules of now.';

-- What the market did before a cancel was asked for counts first, as at an exchange: whichever worker comes first.
create function trading.match_before_cancel(p_order public.orders, p_asked_at timestamptz, p_now timestamptz) returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_settings   trading.settings;
  v_instrument public.instruments;
  v_at         timestamptz;
begin
  select min((j.payload ->> 'market_at')::timestamptz) into v_at from trading.jobs j
  where j.position_id = p_order.position_id and j.kind = 'sync' and j.status in ('queued', 'running') and j.order_id is null
    and (j.payload ->> 'market_at')::timestamptz <= p_asked_at;
  if v_at is null or p_order.type <> 'LIMIT' or p_order.state not in ('working', 'partially_filled') then
    return p_order;
  end if;
  select * into v_settings from trading.settings;
  select * into v_instrument from public.instruments where symbol = p_order.symbol;
  return trading.fold_report(p_order.id,
    trading.paper_rest(p_order, v_instrument, trading.quote_at(p_order.symbol, v_at), v_settings, v_at), p_now);
end
$$;
comment on function trading.match_before_cancel is 'A resting paper limit after the tick, still to be looked at, that came before its cancel was asked for.';

create function trading.execute_cancel(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_order public.orders;
begin
  perform trading.lock_position(p_job.position_id);
  perform from public.orders o where o.id = p_job.order_id for no key update;
  select * into v_order from public.orders o where o.id = p_job.order_id;
  v_order := trading.match_before_cancel(v_order, p_job.due_at, p_now);
  if v_order.state in ('submitting', 'working', 'partially_filled') then
    update public.orders o set reason = coalesce(p_job.payload ->> 'reason', 'cancelled') where o.id = v_order.id returning * into v_order;
    v_order := trading.fold_report(v_order.id,
      jsonb_build_object('status', 'cancelled', 'executed_quantity', v_order.filled_quantity), p_now);
  end if;
  return jsonb_build_object('outcome', v_order.state, 'order_id', v_order.id, 'position_id', v_order.position_id);
end
$$;
comment on function trading.execute_cancel is 'Cancels a paper order that still rests; one that is over stays as it is.';

reset role;
