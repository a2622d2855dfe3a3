-- Purpose: somebody is told when the prices that stops wait for do not come any more, or come from a clock that is not ours.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Three times what an entry may lean on, and never on the first hiccup. The symbol's own alert goes before those of its owners,
-- so that a feed that stays dead costs one look for each symbol and sweep.
create function trading.watch_prices(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_limit  interval := (select greatest(3 * s.max_price_age_ms * interval '1 millisecond', interval '30 seconds') from trading.settings s);
begin
  perform trading.watch_feed_clock(p_now);
  perform trading.raise_alert(p_now, 'critical', 'prices_missing', w.user_id, 'symbol', concat_ws(':', m.symbol, w.user_id),
    format('No price of %s for more than %s s: the engine''s own stops and targets in it cannot fire.', m.symbol, extract(epoch from v_limit)::int),
    jsonb_build_object('symbol', m.symbol, 'observed_at', m.observed_at))
  from public.market_prices m
  cross join lateral (
    select null::uuid as user_id
    union all
    select distinct p.user_id from trading.engine_stops s join public.positions p on p.id = s.position_id where s.symbol = m.symbol and s.fired_at is null
  ) w
  -- Where the clock is behind, the market's own time says nothing about silence; when a quote arrived does.
  where least(m.observed_at, m.received_at) < p_now - v_limit
    and exists (select from trading.engine_stops s where s.symbol = m.symbol and s.fired_at is null)
    and not exists (select from public.alerts a where a.code = 'prices_missing' and a.subject_id = m.symbol and a.resolved_at is null);
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.code = 'prices_missing' and a.resolved_at is null
    and (exists (select from public.market_prices m where m.symbol = a.detail ->> 'symbol' and least(m.observed_at, m.received_at) >= p_now - v_limit)
      or not exists (select from trading.engine_stops s where s.symbol = a.detail ->> 'symbol'));
end
$$;
comment on function trading.watch_prices is
  'On each sweep: one alert for each symbol with an armed stop whose newest price is older than three times max_price_age_ms (at least 30 s), and one for each owner; resolved by a fresh price. Looks at the feed''s clock too.';

-- Protection goes by the price then, entries are denied; nobody would see why.
create function trading.watch_feed_clock(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'critical', 'clock_behind', w.user_id, 'clock', concat_ws(':', 'feed', w.user_id),
    format('The database''s clock is behind the clock of the price feed, by %s s (or the feed''s is ahead). Stops and targets go by the price alone, and no entry is made until both agree.',
      ceil(extract(epoch from w.ahead_by))),
    jsonb_build_object('symbols', w.symbols, 'ahead_ms', trunc(extract(epoch from w.ahead_by) * 1000)))
  from (
    select p.user_id, max(m.observed_at - p_now) as ahead_by, (array_agg(distinct m.symbol order by m.symbol))[1:10] as symbols
    from public.market_prices m
    left join trading.engine_stops s on s.symbol = m.symbol and s.fired_at is null
    left join public.positions p on p.id = s.position_id
    where trading.is_ahead(m.observed_at, p_now)
    group by grouping sets ((), (p.user_id))
    having count(*) > 0 and (grouping(p.user_id) = 1 or p.user_id is not null)
  ) w
  where not exists (select from public.alerts a where a.code = 'clock_behind' and a.subject_id = concat_ws(':', 'feed', w.user_id) and a.resolved_at is null);
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.code = 'clock_behind' and a.resolved_at is null
    and not exists (select from public.market_prices m where trading.is_ahead(m.observed_at, p_now));
end
$$;
comment on function trading.watch_feed_clock is
  'On each sweep: one alert for the operators, and one for each owner of an armed stop in such a symbol, while prices are ahead of the engine''s clock; resolved once none is.';

reset role;
