begin;
select plan(4);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 2, tests.fill('1', 100, 2, 0.002, 'SOL'));
select results_eq($$ select quantity::numeric, cost::numeric, fees_paid::numeric from tests.position_of('one') $$,
  $$ values (1.998, 200::numeric, 0.2) $$, 'a fee in coins on a buy makes the quantity smaller, not the cost larger');
select is((tests.order_of('one', 'stop_loss')).quantity::numeric, 1.998, 'only what is left of it is protected');

select tests.sent_exit('one', 0.998);
select tests.report((tests.order_of('one', 'exit')).id, 'working', 1, tests.fill('s', 110, 0.998, 0.001, 'SOL'));
-- 0.999 of 1.998 left: half the cost, 100; 0.998 x 110 = 109.78
select results_eq($$ select quantity::numeric, cost::numeric, realized_pnl::numeric, fees_paid::numeric from tests.position_of('one') $$,
  $$ values (0.999, 100::numeric, 9.78, 0.31) $$, 'on a sell it takes its share of the cost with it');
select is((select fee_quote::numeric from public.trades where side = 'SELL'), 0.11, 'its worth in USDT is shown at the price of the fill');

select * from finish();
rollback;
