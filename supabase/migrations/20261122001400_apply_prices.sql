-- Purpose: a tick: store quotes, find crossed stops and limits by index, queue their exits, broadcast the prices.
-- Locks:   none on existing tables.

set role fillbase_engine;

create unlogged table trading.price_broadcasts (
  id      boolean primary key default true check (id),
  sent_at timestamptz not null
);
comment on table trading.price_broadcasts is 'When prices were last broadcast (wall clock): holds the rate to settings.price_broadcast_ms.';
alter table trading.price_broadcasts enable row level security;
create policy price_broadcasts_select_service on trading.price_broadcasts for select to service_role using (true);
revoke all on trading.price_broadcasts from public, anon, authenticated, service_role;
grant select on trading.price_broadcasts to service_role;

create function trading.is_depth(p_depth jsonb) returns boolean
language plpgsql immutable set search_path = ''
as $$
begin
  return jsonb_typeof(p_depth) = 'object' and not exists (
    select from (values (p_depth -> 'bids'), (p_depth -> 'asks')) as s (side)
    where jsonb_typeof(s.side) is distinct from 'array'
      or exists (select from jsonb_array_elements(s.side) e
                 where jsonb_typeof(e) <> 'array' or coalesce(trading.parse_level(e -> 0), 'NaN') = 'NaN'
                    or coalesce(trading.parse_level(e -> 1), 'NaN') = 'NaN'));
end
$$;
comment on function trading.is_depth is 'Whether JSON is {"bids": [["price","quantity"], ..], "asks": [..]} with usable numbers.';

-- What cannot be a quote is refused alone: one bad symbol must not cost the others their prices.
create function trading.refused_quotes(p_quotes jsonb, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_agg(distinct r.symbol)
    from jsonb_to_recordset(p_quotes) as r (symbol text, bid numeric, bid_quantity numeric, ask numeric, ask_quantity numeric, last numeric,
      high numeric, low numeric, observed_at timestamptz, depth jsonb)
    where not coalesce(
      r.bid > 0 and r.bid <= r.ask and r.ask < 'Infinity'
      and coalesce(r.last, r.bid) > 0 and coalesce(r.last, r.bid) < 'Infinity'
      and coalesce(r.low, r.bid) > 0 and coalesce(r.low, r.bid) < 'Infinity' and coalesce(r.high, r.ask) > 0 and coalesce(r.high, r.ask) < 'Infinity'
      and coalesce(r.low <= r.high, true)
      and coalesce(r.bid_quantity, 0) >= 0 and coalesce(r.bid_quantity, 0) < 'Infinity'
      and coalesce(r.ask_quantity, 0) >= 0 and coalesce(r.ask_quantity, 0) < 'Infinity'
      and greatest(scale(r.bid), scale(r.ask), scale(r.last), scale(r.high), scale(r.low), scale(r.bid_quantity), scale(r.ask_quantity)) <= 18
      -- A clock that is behind is one thing, a time that nobody has is another.
      and isfinite(r.observed_at) and r.observed_at <= p_now + interval '1 day'
      and (r.depth is null or trading.is_depth(r.depth)), false)
  );
end
$$;
comment on function trading.refused_quotes is 'Symbols of a tick whose quote is not one: not finite, crossed, more than a day ahead of the clock, or with an unreadable depth; null if none.';

create function trading.is_quote_readable(p_quote jsonb) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  perform trading.refused_quotes(jsonb_build_array(p_quote), 'epoch');
  return coalesce(jsonb_typeof(p_quote -> 'symbol') = 'string', false);
exception when data_exception then
  return false;
end
$$;
comment on function trading.is_quote_readable is 'Whether an element of a tick is an object of the right types with a symbol.';

-- A clock that is behind must not switch protection off: what has arrived is judged by its price, at the moment of its arrival.
-- The price keeps the feed's own time, which denies every entry in it (price_stale) until both clocks agree.
create function trading.is_ahead(p_observed_at timestamptz, p_now timestamptz) returns boolean
language sql stable parallel safe
return p_observed_at > p_now + interval '5 seconds';
comment on function trading.is_ahead is 'Whether a quote is of a moment that the engine''s clock has not reached, by more than clocks may differ (5 s).';

create function trading.market_moment(p_observed_at timestamptz, p_now timestamptz) returns timestamptz
language sql stable parallel safe
return case when trading.is_ahead(p_observed_at, p_now) then p_now else p_observed_at end;
comment on function trading.market_moment is 'The moment at which a quote counts for the engine: its own, or that of its arrival if the clock has not reached it.';

-- Late quotes (not newer than what we have) and unknown symbols are dropped; the rest is stored and returned, each as of the
-- moment at which it counts.
create function trading.store_quotes(p_quotes jsonb, p_now timestamptz) returns setof public.market_prices
language plpgsql volatile set search_path = ''
as $$
begin
  return query
    with incoming as materialized (
      select distinct on (r.symbol) r.* from jsonb_to_recordset(p_quotes) as r (symbol text, bid numeric, bid_quantity numeric, ask numeric,
        ask_quantity numeric, last numeric, high numeric, low numeric, observed_at timestamptz, source text, depth jsonb)
      order by r.symbol, r.observed_at desc
    ), stored as (
      insert into public.market_prices as m (symbol, bid, bid_quantity, ask, ask_quantity, last, high, low, source, observed_at, received_at)
      select r.symbol, r.bid, coalesce(r.bid_quantity, 0), r.ask, coalesce(r.ask_quantity, 0), coalesce(r.last, r.bid),
        greatest(r.high, r.bid), least(r.low, r.ask), coalesce(r.source, 'unknown'), r.observed_at, p_now
      from incoming r join public.instruments i on i.symbol = r.symbol
      order by r.symbol
      on conflict (symbol) do update set bid = excluded.bid, bid_quantity = excluded.bid_quantity, ask = excluded.ask,
        ask_quantity = excluded.ask_quantity, last = excluded.last, high = excluded.high, low = excluded.low, source = excluded.source,
        observed_at = excluded.observed_at, received_at = excluded.received_at, version = m.version + 1
        -- A clock that was ahead for a moment must not shut out the truth until it is overtaken.
        where excluded.observed_at > m.observed_at or trading.is_ahead(m.observed_at, p_now)
      returning m.symbol, m.bid, m.bid_quantity, m.ask, m.ask_quantity, m.last, m.high, m.low, m.source,
        trading.market_moment(m.observed_at, p_now) as observed_at, m.received_at, m.version
    ), history as (
      insert into trading.quotes (symbol, observed_at, bid, bid_quantity, ask, ask_quantity, last, high, low, depth, hash)
      select s.symbol, s.observed_at, s.bid, s.bid_quantity, s.ask, s.ask_quantity, s.last, s.high, s.low, r.depth,
        md5(concat_ws('|', s.symbol, extract(epoch from s.observed_at), s.bid, s.ask, s.high, s.low, r.depth))
      from stored s join incoming r on r.symbol = s.symbol
      on conflict do nothing
    ), pruned as (
      delete from trading.quotes q using stored s, trading.settings t
      where q.symbol = s.symbol and (q.observed_at < s.observed_at - make_interval(secs => t.quote_retention_ms / 1000.0)
        or trading.is_ahead(q.observed_at, p_now))
    )
    select * from stored;
end
$$;
comment on function trading.store_quotes is 'Writes the newest quote of each symbol to market_prices and to the short history; returns what was new.';

-- Joins are forced onto the per-symbol indexes: a tick must cost what it triggers, whatever the statistics believe.
-- A stop whose row somebody holds is passed over and fired by a later tick, at the market of the one that crossed it.
create function trading.fire_stops(p_ticks public.market_prices[], p_now timestamptz) returns int
language plpgsql volatile set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_count int;
begin
  with crossed as materialized (
    select c.position_id, min(c.observed_at) as observed_at, min(c.price) as price from (
      select s.position_id, t.observed_at, least(t.bid, t.low) as price
      from unnest(p_ticks) t
      join trading.engine_stops s on s.symbol = t.symbol and s.trigger_price >= least(t.bid, t.low) and s.fired_at is null
      union all
      select h.subject_id, h.reached_at, h.price from trading.held_crossings h where h.kind = 'stop'
    ) c group by c.position_id
  ), free as materialized (
    select s.position_id, c.observed_at from crossed c
    join trading.engine_stops s on s.position_id = c.position_id and s.trigger_price >= c.price and s.fired_at is null
    order by s.position_id for no key update of s skip locked
  ), held as (
    insert into trading.held_crossings as h (kind, subject_id, price, reached_at)
    select 'stop', c.position_id, c.price, c.observed_at from crossed c
    join trading.engine_stops s on s.position_id = c.position_id and s.trigger_price >= c.price and s.fired_at is null
    where not exists (select from free f where f.position_id = c.position_id)
    on conflict (kind, subject_id, level) do update set price = excluded.price
    returning h.subject_id
  ), taken_up as (
    delete from trading.held_crossings h where h.kind = 'stop' and not exists (select from held x where x.subject_id = h.subject_id)
  ), fired as (
    update trading.engine_stops s set fired_at = p_now from free f where s.position_id = f.position_id
    returning s.position_id, f.observed_at
  )
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, payload)
  select 'exit', 'stop:' || f.position_id || ':' || to_char(f.observed_at, 'YYYYMMDDHH24MISSUS'), p.portfolio_id, p.is_paper_trade,
    -- The exchange's own stop comes first; the engine sells if that is missing or does not fill in time.
    case when p.is_paper_trade or (trading.resting_guard(p.id)).id is null then p_now
      else p_now + make_interval(secs => (select s.venue_stop_grace_ms from trading.settings s) / 1000.0) end,
    f.position_id, jsonb_build_object('reason', 'stop_loss', 'market_at', f.observed_at)
  from fired f join public.positions p on p.id = f.position_id
  order by f.position_id
  on conflict (key) do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function trading.fire_stops is 'Queues an exit for every armed stop at or above the lowest price of its symbol''s tick, or of an earlier one that could not have its row; returns how many.';

create function trading.match_resting_limits(p_ticks public.market_prices[], p_now timestamptz) returns int
language plpgsql volatile set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_count int;
begin
  -- One look per position: its orders share a quantity, so the order they fill in must not depend on the workers.
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, payload)
  select 'sync', 'match:' || o.position_id || ':' || to_char(o.observed_at, 'YYYYMMDDHH24MISSUS'), o.portfolio_id, true, p_now, o.position_id,
    jsonb_build_object('market_at', o.observed_at)
  from (
    select o.portfolio_id, o.position_id, t.observed_at from unnest(p_ticks) t
    join public.orders o on o.symbol = t.symbol and o.side = 'SELL' and o.price < greatest(t.bid, t.high)
      and o.is_paper_trade and o.type = 'LIMIT' and o.state in ('working', 'partially_filled')
    union
    select o.portfolio_id, o.position_id, t.observed_at from unnest(p_ticks) t
    join public.orders o on o.symbol = t.symbol and o.side = 'BUY' and o.price > least(t.ask, t.low)
      and o.is_paper_trade and o.type = 'LIMIT' and o.state in ('working', 'partially_filled')
  ) o
  -- Stop and target in one tick: nobody knows which came first, so the worse one counts.
  where not exists (select from trading.engine_stops s where s.position_id = o.position_id and s.fired_at is not null)
    and not exists (select from trading.held_crossings h where h.kind = 'stop' and h.subject_id = o.position_id)
    -- Neither may a target race an exit that is being tried again.
    and not exists (select from trading.jobs j where j.position_id = o.position_id and j.kind = 'exit' and j.status in ('queued', 'running'))
  order by o.position_id
  on conflict (key) do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function trading.match_resting_limits is 'Queues a look at every position with a resting paper limit that its symbol''s tick trades through; returns how many.';

-- One message for all symbols on the private topic "market": a subscriber pays one delivery a tick, and the engine's cost
-- does not grow with positions or users. Frontends compute unrealized PnL from it.
create function trading.broadcast_prices() returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_interval interval := make_interval(secs => (select s.price_broadcast_ms from trading.settings s) / 1000.0);
  v_since    timestamptz;
  v_wall     timestamptz := clock_timestamp();
begin
  select b.sent_at into v_since from trading.price_broadcasts b;
  if v_since > v_wall - v_interval then
    return;
  end if;
  insert into trading.price_broadcasts as b (sent_at) values (v_wall)
  on conflict (id) do update set sent_at = excluded.sent_at;
  perform trading.publish('market', 'prices', jsonb_build_object('prices', p.prices))
  from (
    select jsonb_agg(jsonb_build_array(q.symbol, trading.money_text(q.bid), trading.money_text(q.ask), trading.money_text(q.last),
      q.observed_at, q.version) order by q.symbol) as prices
    from (select m.* from public.market_prices m order by m.received_at desc limit 1000) q
  ) p
  where p.prices is not null;
end
$$;
comment on function trading.broadcast_prices is 'Sends the prices of the 1,000 most recently seen symbols as [symbol, bid, ask, last, time, version], at most once per settings.price_broadcast_ms.';

-- The open alert may be in somebody's hands just now (resolved, or looked at under a lock); a later tick counts on.
create function trading.tell_refused_quotes(p_symbols jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform from public.alerts a where a.code = 'quotes_refused' and a.subject_id = 'quotes' and a.resolved_at is null for no key update skip locked;
  if found or not exists (select from public.alerts a where a.code = 'quotes_refused' and a.subject_id = 'quotes' and a.resolved_at is null) then
    perform trading.raise_alert(p_now, 'warning', 'quotes_refused', null, 'market', 'quotes', 'The feed sent quotes that cannot be right.',
      jsonb_build_object('symbols', p_symbols));
  end if;
end
$$;
comment on function trading.tell_refused_quotes is 'Raises the alert about quotes that cannot be right, unless its row is held.';

-- A tick waits for no row that others lock in their work; the limit is for what is left: another tick, whole tables, and the
-- rows that ticks alone write. One that fails has stored nothing: its feed hands the same prices in again, with the extremes since.
create function trading.apply_prices(p_quotes jsonb, p_now timestamptz default null) returns jsonb
language plpgsql volatile security definer set search_path = '' set lock_timeout = '1s'
as $$
declare
  v_now   timestamptz := coalesce(p_now, trading.engine_now());
  v_ticks public.market_prices[];
  v_stops int := 0;
  v_limits int := 0;
  v_refused jsonb;
begin
  if jsonb_typeof(p_quotes) is distinct from 'array' or jsonb_array_length(p_quotes) > 5000 then
    perform trading.raise_error('FB400', 'quotes_invalid', 'p_quotes must be a JSON array of at most 5,000 quotes');
  end if;
  -- One tick at a time: two pollers must not interleave their history.
  perform pg_advisory_xact_lock(hashtextextended('apply_prices', 0));
  begin
    v_refused := trading.refused_quotes(p_quotes, v_now);
  exception when data_exception then
    -- Text where a number belongs stops the whole statement, so only now each quote is looked at by itself.
    select coalesce(jsonb_agg(e.quote) filter (where e.is_readable), '[]'),
      coalesce(jsonb_agg(coalesce(e.quote -> 'symbol', 'null')) filter (where not e.is_readable), '[]')
    into p_quotes, v_refused
    from (select q as quote, trading.is_quote_readable(q) as is_readable from jsonb_array_elements(p_quotes) q) e;
    v_refused := v_refused || coalesce(trading.refused_quotes(p_quotes, v_now), '[]');
  end;
  if v_refused is not null then
    perform trading.tell_refused_quotes(v_refused, v_now);
    p_quotes := (select coalesce(jsonb_agg(e), '[]') from jsonb_array_elements(p_quotes) e where not v_refused @> jsonb_build_array(e -> 'symbol'));
  end if;
  select array_agg(t) into v_ticks from trading.store_quotes(p_quotes, v_now) t;
  if v_ticks is not null then
    v_stops := trading.fire_stops(v_ticks, v_now);
    v_limits := trading.match_resting_limits(v_ticks, v_now);
    perform trading.notice_live_crossings(v_ticks, v_now);
    perform trading.broadcast_prices();
  end if;
  if trading.has_forgotten_jobs(v_now) then
    perform trading.ring_bell();
  end if;
  return jsonb_build_object('applied', coalesce(cardinality(v_ticks), 0), 'stops', v_stops, 'limits', v_limits,
    'refused', coalesce(v_refused, '[]'));
end
$$;
comment on function trading.apply_prices is
  'Applies a tick: a JSON array of {symbol, bid, ask, bid_quantity?, ask_quantity?, last?, high?, low?, depth?, observed_at, source}. Returns {applied, stops, limits, refused: symbols whose quote cannot be right}. FB400 quotes_invalid, 55P03 when a lock took over 1 s: nothing is stored, the same quotes may be sent again.';
grant execute on function trading.apply_prices to service_role;

-- Market time of a replay. Refused while an exchange is about whose deadlines run by the wall.
create function trading.set_clock(p_at timestamptz) returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if exists (select from trading.accounts a join trading.environments e using (environment) where e.is_remote) then
    perform trading.raise_error('FB409', 'clock_refused', 'the engine''s clock cannot be set while an exchange account exists');
  end if;
  update trading.settings set clock_at = p_at;
end
$$;
comment on function trading.set_clock is 'Sets market time for a replay; null returns to the wall clock. FB409 clock_refused.';
grant execute on function trading.set_clock to service_role;

reset role;
