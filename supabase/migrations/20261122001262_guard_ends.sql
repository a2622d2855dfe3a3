-- Purpose: the end of what rests at an exchange, where another order can only take its place afterwards.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- A replacement is sized by what was known before it ended the old order: a part that filled meanwhile would be sold twice,
-- and where there are other coins the exchange would not refuse that. There the old order ends first, and its fills are known.
create function trading.end_guard(p_job trading.jobs, p_guard public.orders, p_now timestamptz, p_orders int default 0) returns jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  return coalesce(trading.end_order(p_job, p_guard.id, '', p_now, p_orders), trading.wait_for('still_open', 'what rests at the exchange is not cancelled yet'));
end
$$;
comment on function trading.end_guard is 'The next call towards the end of what rests at the exchange for a position, with all its fills known. p_orders: how many are to take its place; it ends only if the budget holds them.';

-- Where the old order has to end first, the new one is judged before: refused by the symbol's filters or state it would leave the
-- position bare, for a whole halt even. Binance does that by itself in a replacement ("Filters and Order Count are evaluated before
-- the processing of the cancellation", REST documentation of order/cancelReplace), and a test order is judged by the same filters.
-- Where it is turned away at the door, the order would be, too. No other answer holds anything up: not even that of an exchange which
-- says nothing. What was accepted a moment ago still is, unless the exchange refused something since: an attempt that begins anew
-- because a call missed its window goes straight to that call.
create function trading.check_successor(
  p_job trading.jobs, p_position public.positions, p_type text, p_quantity numeric, p_price numeric, p_trigger numeric, p_now timestamptz
) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  c_holds   constant interval := '10 seconds';
  v_request jsonb := jsonb_build_object('side', 'SELL', 'type', p_type, 'time_in_force', case when p_type = 'STOP_LOSS_LIMIT' then 'GTC' end,
    'quantity', trading.money_text(p_quantity), 'price', trading.money_text(p_price), 'trigger_price', trading.money_text(p_trigger));
  v_check   trading.exchange_calls;
begin
  select * into v_check from trading.exchange_calls c
  where c.job_id = p_job.id and c.action = 'check_order' and c.answered_at is not null
    and (c.job_attempt = p_job.attempts
      or (c.outcome = 'accepted' and c.answered_at > p_now - c_holds and c.request - 'client_order_id' = v_request
        and not exists (select from trading.exchange_calls r where r.job_id = c.job_id and r.id > c.id and r.outcome = 'rejected')))
  order by c.id desc limit 1;
  if v_check.id is null then
    return trading.permit_call(p_job, p_position.account_id, 'check_order', p_position.symbol, v_request || jsonb_build_object(
        'client_order_id', trading.client_order_id(trading.derived_id('check', p_job.id::text, p_job.attempts::text))),
      p_now, p_position.id);
  elsif v_check.reason in ('filter_failed', 'symbol_not_trading', 'bad_request', 'turned_away') then
    return trading.wait_for(v_check.reason, coalesce(rtrim(v_check.message, '.'), 'the order would be refused') || '; what rests at the exchange stands');
  end if;
  return null;
end
$$;
comment on function trading.check_successor is
  'The question whether the exchange would take an order in a resting one''s place, or the wait when it would not; null: the resting one may be ended.';

-- One for more than can be sold ends in any case: it must not sell what the owner has besides.
create function trading.end_guard_for(
  p_job trading.jobs, p_position public.positions, p_guard public.orders, p_plan trading.guard_plan, p_now timestamptz
) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_fits boolean := p_guard.quantity - p_guard.venue_executed_quantity <= p_plan.quantity;
  v_wait jsonb;
begin
  if v_fits and not trading.has_asked_to_cancel(p_job, p_guard.id) then
    v_wait := trading.check_successor(p_job, p_position, case when p_plan.stop_limit is null then 'STOP_LOSS' else 'STOP_LOSS_LIMIT' end,
      p_plan.quantity, p_plan.stop_limit, p_plan.stop, p_now);
    if v_wait ->> 'code' in ('filter_failed', 'bad_request') then
      perform trading.tell_refused_stop(p_position, v_wait ->> 'code', v_wait ->> 'message', p_now);
    end if;
  end if;
  return coalesce(v_wait, trading.end_guard(p_job, p_guard, p_now, case when v_fits then 1 + (p_plan.target is not null)::int else 0 end));
end
$$;
comment on function trading.end_guard_for is 'The next call towards another stop in the place of what rests, where that has to end first; a wait while the exchange would refuse the new one.';

-- Patience ----------------------------------------------------------------------------------------------------------

create function trading.patience_left(p_position_id uuid, p_now timestamptz) returns interval
language sql stable
return interval '3 seconds' - trading.naked_time(p_position_id, interval '1 minute', p_now);
comment on function trading.patience_left is
  'For how long a position may go on without its stop for a sale that comes next: 3 s of any minute in sum; not positive: the stop comes first.';

-- The stop that a sale has ended would have to be ended again before that sale. An exit that waits for the proof of an earlier sale,
-- or that the exchange has refused, is not about to sell; and however it fares, the stop is back before the alarm.
create function trading.is_about_to_be_sold(p_position_id uuid, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  v_patience interval := trading.patience_left(p_position_id, p_now);
begin
  return v_patience > interval '0' and exists (
    select from trading.jobs j
    where j.position_id = p_position_id and j.kind = 'exit' and not j.payload ? 'quantity'
      and (j.status = 'running' or (j.status = 'queued' and j.due_at < p_now + v_patience))
      and (j.last_error is null or trading.is_transient(j.last_error ->> 'sqlstate')
        or coalesce(j.last_error ->> 'cause', j.last_error ->> 'code') in ('window_over', 'clock_skewed', 'still_open', 'order_settled', 'order_under_way')));
end
$$;
comment on function trading.is_about_to_be_sold is
  'Whether a whole exit of a position runs, or is due before the patience with its lost stop ends, with nothing against it but time.';

-- One attempt after another that ends the stop and is not sent in time would keep it away, and spend the orders of both. There is no
-- patience with a part: its stop is back at once (trading.is_about_to_be_sold).
create function trading.guard_time(p_job trading.jobs, p_outcome jsonb, p_delay interval, p_now timestamptz) returns interval
language plpgsql stable set search_path = ''
as $$
declare
  c_rests constant interval := '2 seconds';
begin
  return case when p_job.kind = 'exit' and p_outcome ->> 'cause' = 'window_over'
      and (p_job.payload ? 'quantity' or trading.patience_left(p_job.position_id, p_now) <= p_delay)
      and exists (select from trading.calls_of_attempt(p_job) c where c.action = 'cancel' and c.outcome = 'accepted')
    then c_rests else interval '0' end;
end
$$;
comment on function trading.guard_time is
  'For how long an exit leaves in place the stop that comes back after an attempt which has ended it and sold nothing: where the patience does not last until its next try, p_delay from now, or it is of a part; else 0.';

reset role;
