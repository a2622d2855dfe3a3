-- Purpose: what a tick means for positions at an exchange: orders it has probably filled, targets that the engine keeps.
-- Locks:   none on existing tables.

set role fillbase_engine;

create index orders_at_exchange_idx on public.orders (symbol) where not is_paper_trade and state in ('submitting', 'working', 'partially_filled');

-- Joins are forced onto the per-symbol indexes, as for paper (trading.fire_stops).
-- A price may stay at a level where many orders rest and fill none of them, or leave it again before anybody could ask. So what
-- it reaches is asked about when it comes there, and then, as long as an answer is older than the last such tick, after each
-- pause (trading.owed_questions), as far as the budget of questions goes. An order may also be reached while it is placed:
-- the answer tells how it was received, and not what became of it then.
create function trading.ask_about_reached(p_ticks public.market_prices[], p_now timestamptz) returns int
language plpgsql volatile set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_reached uuid[];
  v_arrived uuid[];
begin
  select array_agg(o.id), array_agg(o.id) filter (where o.state <> 'submitting' and coalesce(v.reached_at < p_now - interval '10 seconds', true))
    into v_reached, v_arrived
  from unnest(p_ticks) t
  join public.orders o on o.symbol = t.symbol and not o.is_paper_trade and o.state in ('submitting', 'working', 'partially_filled')
    and o.time_in_force = 'GTC'
    and case o.side when 'BUY' then least(t.ask, t.low) <= o.price
        when 'SELL' then case when o.trigger_price is not null then least(t.bid, t.low) <= o.trigger_price else greatest(t.bid, t.high) >= o.price end end
  left join trading.venue_orders v on v.order_id = o.id;
  if v_reached is not null then
    insert into trading.venue_orders as v (order_id, reached_at, owed_at) select r.id, p_now, p_now from unnest(v_reached) r (id) order by r.id
    on conflict (order_id) do update set reached_at = excluded.reached_at, owed_at = excluded.owed_at
    where coalesce(v.venue_status not in ('cancelled', 'expired', 'filled'), true);
  end if;
  return trading.queue_questions(v_arrived || trading.owed_questions(p_now), 'reached', p_now);
end
$$;
comment on function trading.ask_about_reached is
  'Has the orders at an exchange asked about whose price a tick has come to, and those of earlier ticks that are still owed; returns how many questions it queued.';

create function trading.notice_live_crossings(p_ticks public.market_prices[], p_now timestamptz) returns int
language plpgsql volatile set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_count int := trading.ask_about_reached(p_ticks, p_now);
begin
  with reached as materialized (
    select e.position_id, e.level, t.observed_at from unnest(p_ticks) t
    join trading.engine_targets e on e.symbol = t.symbol and e.price <= t.bid and e.fired_at is null and not e.is_at_venue
    join trading.engine_stops s on s.position_id = e.position_id and s.fired_at is null
  ), fired as (
    update trading.engine_targets e set fired_at = p_now from reached r
    where e.position_id = r.position_id and e.level = r.level and e.fired_at is null
    returning e.position_id, e.level
  )
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, payload)
  select 'exit', concat_ws(':', 'target', f.position_id, f.level, trunc(extract(epoch from p_now) * 1000)), p.portfolio_id, false, p_now, f.position_id,
    jsonb_strip_nulls(jsonb_build_object('reason', 'take_profit', 'level', f.level, 'quantity', case when r.count > 0
      then trading.money_text(trading.floor_to_step((p.quantity - w.waiting) / (r.count + r.now), i.lot_step)) end))
  from fired f
  join public.positions p on p.id = f.position_id
  join public.instruments i on i.symbol = p.symbol
  -- Of what is held and not on its way out each target sells its equal share, those of one tick alike, and the last one all.
  cross join lateral (
    select count(*), (select count(*) from fired n where n.position_id = f.position_id and n.level <= f.level) as now
    from trading.engine_targets e where e.position_id = f.position_id and e.level > f.level) r
  cross join lateral (
    select coalesce(sum((j.payload ->> 'quantity')::numeric), 0) as waiting from trading.jobs j
    where j.position_id = f.position_id and j.kind = 'exit' and j.status in ('queued', 'running')) w
  order by f.position_id, f.level
  on conflict (key) do nothing;
  return v_count;
end
$$;
comment on function trading.notice_live_crossings is 'Has the orders at an exchange asked about that a tick reaches, and sells at the targets that the engine keeps; returns how many orders.';

reset role;
