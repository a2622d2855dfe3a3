begin;
select plan(5);
select tests.open_desk('{"paper_slippage_min": 0.0001, "paper_slippage_max": 0.001}');
select tests.hire('alpha', 'ann', '{"max_slippage_percent": 1}');

create function pg_temp.price_of(p_decision_id uuid) returns numeric language plpgsql as $$
declare
  v_price numeric;
begin
  begin
    insert into public.signals (id, trader_id, symbol) values (tests.signal_id('one'), tests.trader_id('alpha'), 'SOLUSDT');
    insert into public.signal_analyses (id, signal_id, trader_id, decision, confidence, key_levels, created_at)
    values (p_decision_id, tests.signal_id('one'), tests.trader_id('alpha'), 'enter_trade', 80, '{"stopLoss": 95}', trading.engine_now());
    perform tests.run_jobs();
    v_price := (select price from public.trades);
    raise exception 'take it back';
  exception when raise_exception then
    return v_price;
  end;
end
$$;

create temporary table drawn as select n, pg_temp.price_of(md5(n::text)::uuid) as price from generate_series(1, 8) n;
select is((select count(*) from drawn where price between 100.01 and 100.1), 8::bigint,
  'every draw lies between the least and the most that may slip');
select cmp_ok((select count(distinct price) from drawn), '>', 3::bigint, 'decisions slip differently');
select is((select count(*) from drawn d where pg_temp.price_of(md5(d.n::text)::uuid) = d.price), 8::bigint,
  'the same decision slips the same');

-- Recomputed with nothing of the engine but its seed.
select tests.enter('recomputed', 'alpha');
select is((select t.price::numeric from public.trades t),
  (select ceil(100 * (1 + 0.0001 + 0.0009 * (('x' || left(md5(o.id || '|slippage'), 12))::bit(48)::bigint / 281474976710656.0)) * 100) / 100
   from tests.order_of('recomputed', 'entry') o), 'a fill can be computed again from its order');
select tests.tick(94, 94.01);
select tests.run_jobs();
select ok((select t.price < 94 and t.price >= 94 * 0.999 - 0.01 from public.trades t where t.side = 'SELL'), 'a sale slips downwards');

select * from finish();
rollback;
