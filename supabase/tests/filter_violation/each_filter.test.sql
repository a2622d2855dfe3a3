begin;
select plan(2);
select tests.open_desk();
-- Other limits than the desk's, so that each filter can be hit alone.
select tests.list_symbol('SOLUSDT', '{"price_min": 1, "price_max": 100000, "lot_min": 0.01, "lot_max": 1000, "market_lot_min": 0.1,
  "market_lot_max": 100, "market_lot_step": 0.1, "notional_min": 5, "notional_max": 50000, "notional_max_applies_to_market": true,
  "bid_multiplier_up": 5, "bid_multiplier_down": 0.2, "ask_multiplier_up": 4, "ask_multiplier_down": 0.25}');

create temporary table cases (n serial, side text, type text, quantity numeric, price numeric, stop numeric, answer text, why text);
insert into cases (side, type, quantity, price, stop, answer, why) values
  ('BUY', 'LIMIT', 1, 100, null, null, 'an ordinary order'),
  ('BUY', 'LIMIT', 1, 100.005, null, 'PRICE_FILTER', 'between two ticks'),
  ('SELL', 'STOP_LOSS', 1, null, 95.001, 'PRICE_FILTER', 'a trigger between two ticks'),
  ('BUY', 'LIMIT', 100, 0.99, null, 'PRICE_FILTER', 'below the lowest price'),
  ('BUY', 'LIMIT', 0.01, 100000.01, null, 'PRICE_FILTER', 'above the highest price'),
  ('BUY', 'LIMIT', 1, 500, null, null, 'five times the reference'),
  ('BUY', 'LIMIT', 1, 500.01, null, 'PERCENT_PRICE_BY_SIDE', 'more than five times'),
  ('BUY', 'LIMIT', 1, 20, null, null, 'a fifth of the reference'),
  ('BUY', 'LIMIT', 1, 19.99, null, 'PERCENT_PRICE_BY_SIDE', 'less than a fifth'),
  ('SELL', 'LIMIT', 1, 400.01, null, 'PERCENT_PRICE_BY_SIDE', 'a sell has its own bounds, above'),
  ('SELL', 'LIMIT', 1, 24.99, null, 'PERCENT_PRICE_BY_SIDE', 'and below'),
  ('BUY', 'LIMIT', 0.0505, 100, null, 'LOT_SIZE', 'between two steps'),
  ('BUY', 'LIMIT', 0.009, 1000, null, 'PERCENT_PRICE_BY_SIDE', 'the first filter in the exchange''s order names the refusal'),
  ('BUY', 'LIMIT', 0.009, 500, null, 'LOT_SIZE', 'below the smallest lot'),
  ('BUY', 'LIMIT', 0, 100, null, 'LOT_SIZE', 'nothing'),
  ('BUY', 'LIMIT', 1000.001, 40, null, 'LOT_SIZE', 'above the largest lot'),
  ('SELL', 'MARKET', 100, null, null, null, 'the largest lot of a market order'),
  ('SELL', 'MARKET', 100.1, null, null, 'MARKET_LOT_SIZE', 'more than that'),
  ('SELL', 'MARKET', 0.05, null, null, 'MARKET_LOT_SIZE', 'less than a market order''s smallest'),
  ('SELL', 'MARKET', 0.15, null, null, 'MARKET_LOT_SIZE', 'between two steps of a market order'),
  ('BUY', 'LIMIT', 0.05, 100, null, null, 'exactly the smallest notional'),
  ('BUY', 'LIMIT', 0.049, 100, null, 'NOTIONAL', 'below it'),
  ('SELL', 'STOP_LOSS', 0.051, null, 95, 'NOTIONAL', 'a stop is valued at its trigger'),
  ('BUY', 'LIMIT', 500, 100, null, null, 'exactly the largest notional'),
  ('BUY', 'LIMIT', 500.001, 100, null, 'NOTIONAL', 'above it');

select results_eq(
  $$ select c.n, c.why, trading.filter_violation(i, c.side, c.type, c.quantity, c.price, c.stop, 100)
     from cases c, public.instruments i where i.symbol = 'SOLUSDT' order by c.n $$,
  $$ select n, why, answer from cases order by n $$,
  'each filter refuses what the exchange would, just outside of its bounds, and nothing inside');

select is(
  (select trading.filter_violation(jsonb_populate_record(i, '{"price_min": 0, "price_max": 0, "tick_size": 0, "lot_step": 0, "lot_min": 0,
     "lot_max": 0, "market_lot_step": 0, "market_lot_min": 0, "market_lot_max": 0, "notional_min": 0, "notional_max": 0,
     "bid_multiplier_up": null, "bid_multiplier_down": null}'), 'BUY', 'MARKET', 0.00001234, 0.1234567, null, 100)
   from public.instruments i), null, 'a filter whose value is 0 or absent is off');

select * from finish();
rollback;
