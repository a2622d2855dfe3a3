-- Purpose: somebody is told when the prices that stops wait for do not come any more.
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
  perform trading.raise_alert(p_now, 'critical', 'prices_missing', w.user_id, 'symbol', concat_ws(':', m.symbol, w.user_id),
    format('No price of %s for more than %s s: the engine''s own stops and targets in it cannot fire.', m.symbol, extract(epoch from v_limit)::int),
    jsonb_build_object('symbol', m.symbol, 'observed_at', m.observed_at))
  from public.market_prices m
  cross join lateral (
    select null::uuid as user_id
    union all
    select distinct p.user_id from trading.engine_stops s join public.positions p on p.id = s.position_id where s.symbol = m.symbol and s.fired_at is null
  ) w
  where m.observed_at < p_now - v_limit
    and exists (select from trading.engine_stops s where s.symbol = m.symbol and s.fired_at is null)
    and not exists (select from public.alerts a where a.code = 'prices_missing' and a.subject_id = m.symbol and a.resolved_at is null);
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.code = 'prices_missing' and a.resolved_at is null
    and (exists (select from public.market_prices m where m.symbol = a.detail ->> 'symbol' and m.observed_at >= p_now - v_limit)
      or not exists (select from trading.engine_stops s where s.symbol = a.detail ->> 'symbol'));
end
$$;
comment on function trading.watch_prices is
  'On each sweep: one alert for each symbol with an armed stop whose newest price is older than three times max_price_age_ms (at least 30 s), and one for each owner; resolved by a fresh price.';

reset role;
