-- Purpose: what an order is said to have executed and no list of executions shows yet, and how sales go on meanwhile.
-- Locks:   ACCESS EXCLUSIVE on venue_orders while columns are added.

set role fillbase_engine;

alter table trading.venue_orders
  add column unshown_since timestamptz,
  add column reported_ms   numeric;
comment on column trading.venue_orders.unshown_since is 'Since when the exchange says more was executed than it shows fills for; null: it shows all of it.';
comment on column trading.venue_orders.reported_ms is 'The newest update time that a report of the order had, by the exchange''s clock (ms).';
create index venue_orders_unshown_idx on trading.venue_orders (unshown_since) where unshown_since is not null;

create function trading.hasten_exits(p_position_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.take_up(array(
    select j.id from trading.jobs j where j.position_id = p_position_id and j.kind = 'exit' and j.status = 'queued'), p_now);
end
$$;
comment on function trading.hasten_exits is 'What a position holds is known better than before: the sales that wait for it go on at once.';

create function trading.note_unshown(p_order public.orders, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.venue_orders v set unshown_since = case when p_order.venue_executed_quantity > p_order.filled_quantity then p_now end
  where v.order_id = p_order.id and (v.unshown_since is null) = (p_order.venue_executed_quantity > p_order.filled_quantity);
  if found and p_order.venue_executed_quantity = p_order.filled_quantity then
    update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
    where a.code = 'fills_missing' and a.subject_id = p_order.id::text and a.resolved_at is null;
    perform trading.hasten_exits(p_order.position_id, p_now);
  -- A purchase may be told of by the answer that placed it, and whoever places an order asks nothing more.
  elsif found and p_order.side = 'BUY' and not exists (
    select from trading.jobs j where j.order_id = p_order.id and j.kind in ('sync', 'cancel') and j.status = 'running') then
    perform trading.queue_order_sync(p_order.id, 'unshown', p_now);
  end if;
end
$$;
comment on function trading.note_unshown is
  'Remembers since when executions of an order are said and not shown, and has those of a purchase asked for; or that they are shown now, and exits go on.';

-- Readers at the exchange may be behind, so less is no news by itself. It is when the order's own report says it, no older than
-- any that said more, after the time that the engine takes to answer, and the order's own list of executions has no more either.
-- Were that wrong, the late fill would be booked, and open again what was closed.
create function trading.is_overstated(p_order public.orders, p_report jsonb, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  c_engine_answers constant interval := '10 seconds';
begin
  return p_report ? 'client_order_id' and (p_report ->> 'executed_quantity')::numeric < p_order.venue_executed_quantity and exists (
    select from trading.venue_orders v
    where v.order_id = p_order.id and v.unshown_since <= p_now - c_engine_answers and (p_report ->> 'updated_at_ms')::numeric >= v.reported_ms
      and exists (select from trading.exchange_calls c where c.order_id = p_order.id and c.action = 'fills' and c.request ? 'exchange_order_id'
        and c.outcome = 'accepted' and c.permitted_at >= v.unshown_since));
end
$$;
comment on function trading.is_overstated is 'Whether a report of an order, which says that less was executed than an earlier one did, is to be believed.';

create function trading.take_back_executed(p_order public.orders, p_report jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_executed numeric := greatest((p_report ->> 'executed_quantity')::numeric, p_order.filled_quantity);
begin
  update public.orders o set venue_executed_quantity = v_executed where o.id = p_order.id;
  update trading.venue_orders v set venue_status = p_report ->> 'status' where v.order_id = p_order.id;
  perform trading.audit(p_now, 'execution_taken_back', p_order.user_id, p_order.trader_id, 'order', p_order.id::text, jsonb_build_object(
    'client_order_id', p_order.client_order_id, 'said', trading.money_text(p_order.venue_executed_quantity), 'says', trading.money_text(v_executed)));
  perform trading.hasten_exits(p_order.position_id, p_now);
end
$$;
comment on function trading.take_back_executed is 'Has an order count as executed by its newest report, which says less than an earlier one, and its status as that report has it; audited.';

-- On each sweep. What was sold is left out of stops and exits; what was bought has neither before its fills are known.
create function trading.watch_unshown(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'critical', 'fills_missing', o.user_id, 'order', o.id::text,
    format(case o.side when 'BUY'
      then 'The exchange says that a purchase of %s executed more than it shows fills for. What it bought has no stop and is not sold before; it is asked on.'
      else 'The exchange says that an order in %s executed more than it shows fills for. Exits and stops go on without these coins.' end
      || ' Until it shows them, the account is compared without them and without its cash.', o.symbol),
    jsonb_build_object('symbol', o.symbol, 'side', o.side, 'position_id', o.position_id, 'client_order_id', o.client_order_id, 'since', v.unshown_since,
      'executed', trading.money_text(o.venue_executed_quantity), 'shown', trading.money_text(o.filled_quantity)))
  from trading.venue_orders v join public.orders o on o.id = v.order_id
  where v.unshown_since < p_now - case o.side when 'BUY' then trading.naked_alarm() else interval '1 minute' end
    and not exists (select from public.alerts a where a.code = 'fills_missing' and a.subject_id = o.id::text and a.resolved_at is null);
end
$$;
comment on function trading.watch_unshown is
  'Alerts for orders whose executions the exchange has said and not shown for a minute, purchases for 5 s; the fills, or a report that takes them back, resolve it.';

-- Many at once must not take the questions that are kept for orders which a tick has reached.
create function trading.is_purchase_to_ask_on(p_order_id uuid) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (
    select from public.orders o join trading.rate_rules r on r.name = 'questions'
    left join trading.rate_budgets b on b.rule = r.name and b.scope_id = trading.rate_scope_id(r.scope, o.account_id)
    where o.id = p_order_id and o.side = 'BUY' and o.venue_executed_quantity > o.filled_quantity and coalesce(b.tokens, r.burst) >= r.poll_reserve);
end
$$;
comment on function trading.is_purchase_to_ask_on is 'Whether an order has bought what the exchange shows no fills for, and there are questions enough to ask for them without backing off.';

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

-- What rests has locked what it would sell, so coins that are missing are others: it is never made smaller for them. What a sell
-- is said to have sold is gone, booked or not. The other leg of its list has sold nothing while it rests: whoever said so was
-- wrong, or it does not rest, which is asked (trading.settle_guard).
create function trading.guarded_quantity(p_position public.positions, p_guard public.orders) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return case when p_guard.id is null then 0 else (
    select least(p_guard.quantity - p_guard.venue_executed_quantity,
      p_position.quantity - coalesce(sum(least(o.venue_executed_quantity, o.quantity) - o.filled_quantity), 0))
    from trading.unshown_sells(p_position.id) o
    where o.id = p_guard.id or (o.order_list_id = p_guard.order_list_id) is not true) end;
end
$$;
comment on function trading.guarded_quantity is 'How much of a position what rests for it can still sell; p_guard all null: 0.';

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
