begin;
select plan(3);
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
create function pg_temp.facts(p_trader text, p_symbol text) returns jsonb language sql as $$
  select trading.portfolio_facts(trading.portfolio_id(tests.user_id('ann'), 'paper'), trading.paper_account_id(tests.trader_id(p_trader)), p_symbol)
$$;

select is(pg_temp.facts('alpha', 'SOLUSDT'), '{"cash": 9900, "reserved": 99.96, "exposure": 199.96, "exposure_all": 499.96, "open_positions": 2, "open_positions_all": 4,
  "open_in_symbol": 2, "open_in_symbol_all": 4, "positions_value": 199.8, "equity_all": 30199.6}'::jsonb,
  'a trader''s exposure is what its positions cost and what its entries reserve; the user''s is the sum over all traders');
select is(pg_temp.facts('beta', 'ADAUSDT') - '{cash,equity_all,positions_value}'::text[], '{"reserved": 0, "exposure": 100, "exposure_all": 499.96, "open_positions": 1,
  "open_positions_all": 4, "open_in_symbol": 0, "open_in_symbol_all": 0}'::jsonb, 'each trader has its own figures, and another symbol its own counts');
select is(pg_temp.facts('nobody', 'SOLUSDT') - '{exposure_all,open_positions_all,open_in_symbol_all,equity_all}'::text[], '{"cash": 0, "reserved": 0, "exposure": 0,
  "open_positions": 0, "open_in_symbol": 0, "positions_value": 0}'::jsonb, 'an account that does not exist yet has nothing');

select * from finish();
rollback;
