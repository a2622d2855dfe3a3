-- Purpose: which prices refresh-market asks the exchange for, within a request budget that all its invocations share.
-- Locks:   none on existing tables.

set role fillbase_engine;

create unlogged table trading.market_polls (
  symbol   text primary key,
  asked_at timestamptz not null
) with (fillfactor = 50);
comment on table trading.market_polls is 'When a symbol was last asked for, whatever came of it. Unlogged: without it all are due.';
alter table trading.market_polls enable row level security;
create policy market_polls_select_service on trading.market_polls for select to service_role using (true);
revoke all on trading.market_polls from public, anon, authenticated, service_role;
grant select on trading.market_polls to service_role;

-- Fees of any symbol may be taken in BNB, and are worth what it is worth at the fill (trading.fills_with_rates).
create function trading.wanted_prices() returns table (symbol text, is_held boolean, since timestamptz)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select s.symbol, bool_or(s.is_held), max(s.since) from (
      select p.symbol, true as is_held, p.created_at as since from public.positions p where p.status not in ('closed', 'failed')
      union all
      select 'BNBUSDT', true, k.created_at from trading.exchange_keys k where k.is_active
      union all
      (select g.symbol, false, g.created_at from public.signals g where g.status in ('new', 'monitoring', 'ready') order by g.created_at desc limit 1000)
    ) s
    join public.instruments i on i.symbol = s.symbol and i.status = 'TRADING'
    group by s.symbol;
end
$$;
comment on function trading.wanted_prices is
  'Symbols whose prices matter: those of open positions and, with an exchange account, BNBUSDT (is_held), and those of signals that wait.';

-- What is held is due again at once, what only waits after half the age that an entry's price may have, and what was never
-- asked for at once, too. Of two that are due, who has been so for longer comes first: so neither starves the other where
-- there are more than a poll can ask for.
create function trading.due_polls(p_most int) returns table (symbol text, is_held boolean)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select w.symbol, w.is_held
    from (select p.*, row_number() over (order by p.is_held desc, p.since desc, p.symbol) as rank from trading.wanted_prices() p) w
    cross join trading.settings t
    left join trading.market_polls m on m.symbol = w.symbol
    where t.market_poll_symbols > 0 and (w.is_held or w.rank <= t.market_poll_symbols)
    order by coalesce(m.asked_at + case when w.is_held then 0 else t.max_price_age_ms / 2 end * interval '1 millisecond', '-infinity'), w.is_held desc, w.symbol
    limit p_most;
end
$$;
comment on function trading.due_polls is
  'The p_most symbols that a poll should ask for next: all held ones take part, those of the newest signals up to settings.market_poll_symbols in all.';

-- Prices are asked for from the address that orders leave from. What the exchange limits there, it limits for both; and who
-- goes on asking under a 429 is banned for days. So polls draw from a bucket too, and send nothing while either is shut:
-- not to the host for public data either, which the same limit may stand behind. Security definer: the role of functions may have
-- a poll planned, and write neither buckets nor polls itself.
create function trading.poll_plan(p_now timestamptz default null) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  c_weight_of_poll   constant int := 4; -- The best prices of any number of symbols;
  c_weight_of_symbol constant int := 2; -- and what was traded in each since.
  v_now    timestamptz := coalesce(p_now, trading.engine_now());
  v_scope  uuid := trading.exchange_scope_id('production');
  v_tokens numeric;
  v_asked  int;
  v_plan   jsonb;
begin
  if exists (select from trading.rate_budgets b where b.scope_id = v_scope and b.rule in ('prices', 'request_weight') and b.blocked_until > v_now) then
    return null;
  end if;
  insert into trading.rate_budgets (rule, scope_id, tokens, refilled_at)
  select r.name, v_scope, r.burst, v_now from trading.rate_rules r where r.name = 'prices' on conflict do nothing;
  select trading.tokens_at(b, r, v_now) into v_tokens from trading.rate_budgets b join trading.rate_rules r on r.name = b.rule
  where b.rule = 'prices' and b.scope_id = v_scope for no key update of b;
  with due as materialized (
    select d.symbol, d.is_held from trading.due_polls(greatest(floor((v_tokens - c_weight_of_poll) / c_weight_of_symbol), 0)::int) d
  ), asked as (
    insert into trading.market_polls as m (symbol, asked_at) select d.symbol, v_now from due d
    on conflict (symbol) do update set asked_at = excluded.asked_at
  )
  select count(*), coalesce(jsonb_agg(jsonb_build_object('symbol', d.symbol, 'since', m.observed_at) order by d.is_held desc, d.symbol), '[]')
  into v_asked, v_plan
  from due d left join public.market_prices m on m.symbol = d.symbol;
  if v_asked > 0 then
    update trading.rate_budgets b set tokens = v_tokens - c_weight_of_poll - c_weight_of_symbol * v_asked, refilled_at = v_now
    where b.rule = 'prices' and b.scope_id = v_scope;
  end if;
  return v_plan;
end
$$;
comment on function trading.poll_plan is
  'What a poll asks for now, [{symbol, since}], as far as the bucket of prices goes, which it draws from; null: ask nothing, the exchange wants silence.';
grant execute on function trading.poll_plan to service_role;

-- Security definer: the role of functions tells what it met; only this shuts a bucket.
create function trading.heed_market_limit(p_retry_after_ms numeric, p_is_address_of_orders boolean, p_now timestamptz default null) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now timestamptz := coalesce(p_now, trading.engine_now());
begin
  perform trading.block_bucket(case when p_is_address_of_orders then 'request_weight' else 'prices' end, trading.exchange_scope_id('production'),
    v_now + make_interval(secs => least(greatest(coalesce(p_retry_after_ms, 0), 1000), 259200000) / 1000.0), v_now, '{"refused": "prices"}');
end
$$;
comment on function trading.heed_market_limit is
  'A poll met HTTP 429 or 418: polls stop for so long (1 s to 3 days), and with them the orders of production where they leave from the same address.';
grant execute on function trading.heed_market_limit to service_role;

-- Security definer: the schedule rings, and reads neither the settings nor the bell's secret.
create function trading.ring_market() returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if (select s.market_poll_symbols from trading.settings s) > 0 then
    perform trading.ring_function('refresh-market');
  end if;
end
$$;
comment on function trading.ring_market is 'Every 2 s: asks refresh-market to poll, unless prices come from elsewhere.';
grant execute on function trading.ring_market to service_role;

reset role;
