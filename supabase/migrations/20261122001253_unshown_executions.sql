-- Purpose: what a sell is said to have executed and no list of executions shows yet, and how sales go on meanwhile.
-- Locks:   ACCESS EXCLUSIVE on venue_orders while a column is added.

set role fillbase_engine;

alter table trading.venue_orders add column unshown_since timestamptz;
comment on column trading.venue_orders.unshown_since is 'Since when the exchange says more was executed than it shows fills for; null: it shows all of it.';
create index venue_orders_unshown_idx on trading.venue_orders (unshown_since) where unshown_since is not null;

create function trading.note_unshown(p_order public.orders, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.venue_orders v set unshown_since = case when p_order.venue_executed_quantity > p_order.filled_quantity then p_now end
  where v.order_id = p_order.id and (v.unshown_since is null) = (p_order.venue_executed_quantity > p_order.filled_quantity);
end
$$;
comment on function trading.note_unshown is 'Remembers since when executions of an order are said and not shown, or that they are shown now.';

-- A sell that is over at the exchange has ended for whatever comes after it, even while the books wait for its fills.
create function trading.is_over_at_venue(p_order_id uuid) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from trading.venue_orders v where v.order_id = p_order_id and v.venue_status in ('cancelled', 'expired', 'filled'));
end
$$;
comment on function trading.is_over_at_venue is 'Whether the exchange has said that an order ended; its fills may still be missing.';

-- A market sale that nobody has said the end of may execute more; its own job looks at it (trading.unfenced_unknown).
create function trading.unshown_sells(p_position_id uuid) returns setof public.orders
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select * from public.orders o
    where o.position_id = p_position_id and o.side = 'SELL' and o.finished_at is null and o.venue_executed_quantity > o.filled_quantity
      and (o.role <> 'exit' or trading.is_over_at_venue(o.id))
    order by o.created_at, o.id;
end
$$;
comment on function trading.unshown_sells is 'Sells of a position of which the exchange says more was executed than it shows fills for.';

create function trading.unshown_quantity(p_position_id uuid, p_besides uuid default null) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (select coalesce(sum(least(o.venue_executed_quantity, o.quantity) - o.filled_quantity), 0) from trading.unshown_sells(p_position_id) o
    where o.id is distinct from p_besides);
end
$$;
comment on function trading.unshown_quantity is 'How much of what the books hold for a position is sold by the word of its orders, and not booked: no coins for another sale or stop. p_besides: an order that does not count.';

-- Fills follow their report within a moment, so an exit asks for them and looks once more. After that it goes on with what is
-- surely there: the list of executions may be silent for minutes, and what it will show is left out of the sale. Who guards is
-- in no such hurry: it asks when nobody else has done so lately.
create function trading.ask_for_unshown(p_job trading.jobs, p_position_id uuid, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  c_shown_within constant interval := '1 second';
  v_order public.orders;
begin
  select o.* into v_order from trading.unshown_sells(p_position_id) o join trading.venue_orders v on v.order_id = o.id
  where (p_job.kind = 'exit' or v.asked_at <= p_now - c_shown_within)
    and not exists (select from trading.exchange_calls c where c.job_id = p_job.id and c.order_id = o.id and c.action = 'fills'
      -- A question that was not answered has cost 15 s, perhaps, and would again.
      and (c.job_attempt = p_job.attempts or c.outcome <> 'accepted')) limit 1;
  if v_order.id is not null then
    return trading.call_about(p_job, 'fills', v_order, p_now);
  end if;
  return case when exists (
    select from trading.unshown_sells(p_position_id) o join trading.venue_orders v on v.order_id = o.id where v.unshown_since > p_now - c_shown_within)
    then trading.wait_for('fills_missing', 'the exchange says more was executed than it shows fills for') end;
end
$$;
comment on function trading.ask_for_unshown is
  'The question for the executions that a sell of the position is said to have and nobody was shown, or a short wait for them; null: there are none, or it was waited and the position is sold and guarded without them.';

reset role;
