-- Purpose: what a tick means for positions at an exchange: orders it has probably filled, targets that the engine keeps.
-- Locks:   none on existing tables.

set role fillbase_engine;

create index orders_at_exchange_idx on public.orders (symbol) where not is_paper_trade and state in ('submitting', 'working', 'partially_filled');

-- The mark is not put where its row is held, or does not exist yet (an order whose answer is on its way): then it is kept.
create function trading.mark_reached(p_order_ids uuid[], p_now timestamptz) returns void
language sql volatile set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
  with reached as materialized (
    select c.order_id, max(c.reached_at) as reached_at from (
      select r.id as order_id, p_now as reached_at from unnest(p_order_ids) r (id)
      union all
      select h.subject_id, h.reached_at from trading.held_crossings h where h.kind = 'order'
    ) c group by c.order_id
  ), free as materialized (
    select v.order_id, r.reached_at from reached r join trading.venue_orders v on v.order_id = r.order_id
    order by v.order_id for no key update of v skip locked
  ), held as (
    insert into trading.held_crossings as h (kind, subject_id, reached_at)
    select 'order', r.order_id, r.reached_at from reached r
    join public.orders o on o.id = r.order_id and o.state in ('submitting', 'working', 'partially_filled')
    where not exists (select from free f where f.order_id = r.order_id)
    on conflict (kind, subject_id, level) do update set reached_at = excluded.reached_at
    returning h.subject_id
  ), taken_up as (
    delete from trading.held_crossings h where h.kind = 'order' and not exists (select from held x where x.subject_id = h.subject_id)
  )
  update trading.venue_orders v set reached_at = f.reached_at, owed_at = f.reached_at from free f
  where v.order_id = f.order_id and coalesce(v.venue_status not in ('cancelled', 'expired', 'filled'), true)
$$;
comment on function trading.mark_reached is 'Marks orders at an exchange as reached by a tick, and those of earlier ticks whose row could not be had then.';

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
  select array_agg(o.id), array_agg(o.id) filter (where o.state <> 'submitting' and h.subject_id is null and coalesce(v.reached_at < p_now - interval '10 seconds', true)
      -- Of what has ended there is nothing to be reached; its fills are asked for at their own pace.
      and coalesce(v.venue_status not in ('cancelled', 'expired', 'filled'), true))
    into v_reached, v_arrived
  from unnest(p_ticks) t
  join public.orders o on o.symbol = t.symbol and not o.is_paper_trade and o.state in ('submitting', 'working', 'partially_filled')
    and o.time_in_force = 'GTC'
    and case o.side when 'BUY' then least(t.ask, t.low) <= o.price
        when 'SELL' then case when o.trigger_price is not null then least(t.bid, t.low) <= o.trigger_price else greatest(t.bid, t.high) >= o.price end end
  left join trading.venue_orders v on v.order_id = o.id
  left join trading.held_crossings h on h.kind = 'order' and h.subject_id = o.id;
  if v_reached is not null or exists (select from trading.held_crossings h where h.kind = 'order') then
    perform trading.mark_reached(v_reached, p_now);
  end if;
  -- What backs off is not queued anew. One that waits for budget or a key would find none.
  if v_arrived is not null then
    perform trading.take_up(array(
      select j.id from public.orders o join trading.jobs j on j.position_id = o.position_id and j.order_id = o.id
      where o.id = any (v_arrived) and j.kind = 'sync' and j.status = 'queued' and coalesce(j.last_error ->> 'sqlstate' <> 'FB429', true)
        and coalesce(j.last_error ->> 'cause', j.last_error ->> 'code', '') not in ('key_unavailable', 'key_unverified', 'key_refused', 'not_permitted')), p_now);
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
    select c.position_id, c.level, min(c.observed_at) as observed_at, max(c.price) as price from (
      select e.position_id, e.level, t.observed_at, t.bid as price from unnest(p_ticks) t
      join trading.engine_targets e on e.symbol = t.symbol and e.price <= t.bid and e.fired_at is null and not e.is_at_venue
      union all
      select h.subject_id, h.level, h.reached_at, h.price from trading.held_crossings h where h.kind = 'target'
    ) c
    join trading.engine_stops s on s.position_id = c.position_id and s.fired_at is null
    group by c.position_id, c.level
  ), free as materialized (
    select e.position_id, e.level from reached r
    join trading.engine_targets e on e.position_id = r.position_id and e.level = r.level and e.price <= r.price and e.fired_at is null and not e.is_at_venue
    -- A stop that waits for its row counts before any target: that one waits as well.
    where not exists (select from trading.held_crossings h where h.kind = 'stop' and h.subject_id = r.position_id)
    order by e.position_id, e.level for no key update of e skip locked
  ), held as (
    insert into trading.held_crossings as h (kind, subject_id, level, price, reached_at)
    select 'target', r.position_id, r.level, r.price, r.observed_at from reached r
    join trading.engine_targets e on e.position_id = r.position_id and e.level = r.level and e.price <= r.price and e.fired_at is null and not e.is_at_venue
    where not exists (select from free f where f.position_id = r.position_id and f.level = r.level)
    on conflict (kind, subject_id, level) do update set price = excluded.price
    returning h.subject_id, h.level
  ), taken_up as (
    delete from trading.held_crossings h
    where h.kind = 'target' and not exists (select from held x where x.subject_id = h.subject_id and x.level = h.level)
  ), fired as (
    update trading.engine_targets e set fired_at = p_now from free f where e.position_id = f.position_id and e.level = f.level
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
