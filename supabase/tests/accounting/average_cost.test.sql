begin;
select plan(5);
select tests.open_desk();
select tests.resting_entry('one', 3);
-- Two buys with the fee taken in coins: 1 at 100 and 2 at 91, 0.1 % each.
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 3, tests.fill('1', 100, 1, 0.001, 'SOL'), tests.fill('2', 91, 2, 0.002, 'SOL'));

select results_eq($$ select quantity::numeric, cost::numeric, entry_quantity::numeric, entry_value::numeric, entry_price::numeric from tests.position_of('one') $$,
  $$ values (2.997, 282::numeric, 3::numeric, 282::numeric, 94::numeric) $$, 'the average of two buys is weighed by what was bought');

select tests.sent_exit('one', 1);
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 1, tests.fill('s1', 100, 1, 0.1));
-- 282 x 1 / 2.997 = 94.094094094094094094|094.. : the share of the cost, rounded at 18 decimals
select results_eq($$ select quantity::numeric, cost::numeric, realized_pnl::numeric from tests.position_of('one') $$,
  $$ values (1.997, 187.905905905905905906, 5.805905905905905906) $$, 'a part takes its share of the cost, rounded at 18 decimals');
select is((select realized_pnl::numeric from public.trades where side = 'SELL'), 5.805905905905905906,
  'and the fill knows what it realized');

select tests.sent_exit('one');
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 1.997, tests.fill('s2', 90, 1.997, 0.17973));
-- 100 + 179.73 - 0.1 - 0.17973 - 282
select results_eq($$ select status, quantity::numeric, cost::numeric, realized_pnl::numeric from tests.position_of('one') $$,
  $$ values ('closed', 0::numeric, 0::numeric, -2.54973) $$, 'the last sale takes the rest of the cost exactly');
select is((select sum(realized_pnl) from public.trades)::numeric, (tests.position_of('one')).realized_pnl::numeric,
  'what the fills realized adds up to the result');

select * from finish();
rollback;
