begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.hire('stranger', 'bob');
select tests.enter('alpha''s', 'alpha');
select tests.enter('beta''s', 'beta');
select tests.enter('stranger''s', 'stranger');
select tests.resting_entry('resting', 2);
update public.traders set entry_order_type = 'limit' where name = 'alpha';
select tests.enter('alpha''s resting', 'alpha', '{"entry": 98, "stopLoss": 95}');
select tests.tick(200, 200.01);
-- alpha: 0.999 for 100, and 1.02 x 98 = 99.96 reserved; beta: 0.999 for 100; the trader named resting: 200 reserved.
-- At a stop of 95 one that is held returns 0.999 x 95 x 0.999 = 94.810095, so loses 5.189905; alpha's resting one 1.02 x 0.998001 x 95 =
-- 96.7062969, so 3.2537031; the other resting one 2 x 0.998001 x 95 = 189.62019, so 10.37981.
create function pg_temp.facts(p_trader text, p_symbol text) returns jsonb language sql as $$
  select trading.portfolio_facts(trading.portfolio_id(tests.user_id('ann'), 'paper'), a.id, a.id, p_symbol, trading.engine_now())
  from (select trading.paper_account_id(tests.trader_id(p_trader), tests.user_id('ann')) as id) a
$$;

select is(pg_temp.facts('alpha', 'SOLUSDT') - '{held_priced_at,held_priced_at_all}'::text[],
  '{"account_known": true, "cash": 9900, "capital": 10000, "capital_all": 30000, "equity": 10099.8, "equity_all": 30199.6, "reserved": 99.96, "exposure": 199.96,
    "exposure_all": 499.96, "open_positions": 2, "open_positions_all": 4, "open_in_symbol": 2, "open_in_symbol_all": 4, "loss_now": 0, "loss_now_all": 0,
    "loss_at_stops": 8.4436081, "loss_at_stops_all": 24.0133231}'::jsonb,
  'a trader''s exposure is what its positions cost and what its entries reserve, its loss at the stops is theirs; the user''s is the sum over all traders');
select is(pg_temp.facts('beta', 'ADAUSDT') - '{cash,capital,capital_all,equity,equity_all,loss_now,loss_now_all,held_priced_at,held_priced_at_all}'::text[],
  '{"account_known": true, "reserved": 0, "exposure": 100, "exposure_all": 499.96, "open_positions": 1, "open_positions_all": 4, "open_in_symbol": 0,
    "open_in_symbol_all": 0, "loss_at_stops": 5.189905, "loss_at_stops_all": 24.0133231}'::jsonb,
  'each trader has its own figures, and another symbol its own counts');
select is(jsonb_path_query_array(pg_temp.facts('nobody', 'SOLUSDT'), '$.*') is not null and (pg_temp.facts('nobody', 'SOLUSDT') ->> 'account_known')::boolean, false,
  'an account that does not exist yet is not known');

select tests.tick(90, 90.01);
-- Held at 90: each returns 0.999 x 90 x 0.999 = 89.82009, so loses 10.17991, now and at a stop that the market has passed.
select is(pg_temp.facts('beta', 'SOLUSDT') -> 'loss_now', '10.17991'::jsonb, 'an open loss is measured at the bid, after the fee of selling');
delete from public.market_prices where symbol = 'SOLUSDT';
select is(jsonb_strip_nulls(pg_temp.facts('beta', 'SOLUSDT')) ?| '{equity,equity_all,loss_now,loss_now_all,loss_at_stops,loss_at_stops_all}', false,
  'without a price neither equity nor loss is known, and nothing is taken for zero');

select * from finish();
rollback;
