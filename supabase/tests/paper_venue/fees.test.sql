begin;
select plan(1);
select tests.open_desk();
select tests.list_symbol('SOLUSDT', '{"base_commission_precision": 3, "quote_commission_precision": 2}');

create temporary table cases (side text, price numeric, quantity numeric, fee numeric, asset text);
insert into cases values
  ('BUY', 100, 1.4, 0.001, 'SOL'), ('BUY', 100, 1.5, 0.002, 'SOL'), ('BUY', 100, 2.5, 0.003, 'SOL'),      -- halves go up, not to even
  ('BUY', 7, 3, 0.003, 'SOL'), ('BUY', 100, 0.4, 0, 'SOL'),
  ('SELL', 100, 0.149, 0.01, 'USDT'), ('SELL', 100, 0.15, 0.02, 'USDT'), ('SELL', 100, 0.25, 0.03, 'USDT'), ('SELL', 50, 0.25, 0.01,
  'USDT');

select results_eq(
  $$ select c.side, c.quantity, f.fee, f.fee_asset from cases c, public.instruments i, trading.paper_fee(c.side, c.price, c.quantity, 0.001, i) f $$,
  $$ select side, quantity, fee, asset from cases $$,
  'the fee is taken of what is received, coins on a buy and USDT on a sell, rounded half up at the asset''s precision');

select * from finish();
rollback;
