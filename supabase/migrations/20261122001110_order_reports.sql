-- Purpose: what a venue's report makes of an order.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- The venue's word against the fills we hold: an order is final only when they agree.
create function trading.next_order_state(p_order public.orders, p_status text, p_filled numeric, p_executed numeric) returns text
language sql immutable
return case
    when p_filled = p_order.quantity then 'filled'
    when p_status in ('cancelled', 'expired', 'rejected', 'not_sent', 'not_placed') and p_filled >= p_executed then p_status
    when p_filled > 0 then 'partially_filled'
    when p_status in ('cancelled', 'expired', 'filled') then 'working'
    else p_status
  end;
comment on function trading.next_order_state is 'State an order takes on a report, given all fills now recorded and the quantity the venue says it executed.';

create function trading.apply_order_report(p_order public.orders, p_report jsonb, p_fills trading.fill_sums, p_now timestamptz) returns public.orders
language plpgsql volatile set search_path = ''
as $$
declare
  v_filled   numeric := p_order.filled_quantity + p_fills.quantity;
  v_executed numeric := greatest(coalesce((p_report ->> 'executed_quantity')::numeric, 0), p_order.venue_executed_quantity, v_filled);
  v_state    text := trading.next_order_state(p_order, p_report ->> 'status', v_filled, v_executed);
  v_is_final boolean;
  v_order    public.orders;
begin
  -- A late or repeated report never takes a state back: without news the order stays as it is.
  if p_fills.fill_count = 0 and not exists (select from trading.order_transitions t where t.from_status = p_order.state and t.to_status = v_state) then
    v_state := p_order.state;
  end if;
  v_is_final := v_state in ('denied', 'abandoned', 'not_sent', 'filled', 'cancelled', 'expired', 'rejected', 'not_placed');
  update public.orders o set
    state = v_state, filled_quantity = v_filled, venue_executed_quantity = v_executed,
    total_value = o.total_value + p_fills.value, fees = o.fees + p_fills.fees,
    avg_fill_price = case when v_filled > 0 then trading.divide_half_even(o.total_value + p_fills.value, v_filled) end,
    binance_order_id = coalesce(o.binance_order_id, p_report ->> 'exchange_order_id'),
    error_code = coalesce(p_report ->> 'error_code', o.error_code), error_message = coalesce(p_report ->> 'error_message', o.error_message),
    submitted_at = coalesce(o.submitted_at, case when v_state not in ('planned', 'denied', 'abandoned', 'not_sent') then p_now end),
    filled_at = case when v_state = 'filled' then coalesce(o.filled_at, p_now) else o.filled_at end,
    finished_at = case when v_is_final then coalesce(o.finished_at, p_now) end,
    updated_at = p_now
  where o.id = p_order.id
  returning * into v_order;
  perform trading.release_reservation(v_order.id, p_fills.quantity, v_is_final, p_now);
  -- A fill proved its end wrong: what is left of it may still want its cash.
  if p_order.finished_at is not null and not v_is_final then
    update trading.reservations r set released_at = null, amount = (v_order.quantity - v_order.filled_quantity) * r.per_unit where r.order_id = v_order.id;
  end if;
  return v_order;
end
$$;
comment on function trading.apply_order_report is 'Moves an order along by a report and the fills just recorded; releases what it no longer needs.';

reset role;
