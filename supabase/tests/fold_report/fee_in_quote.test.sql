begin;
select plan(3);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 2, tests.fill('1', 100, 2, 0.2));
select results_eq($$ select quantity::numeric, cost::numeric, entry_cost::numeric, fees_paid::numeric from tests.position_of('one') $$,
  $$ values (2::numeric, 200.2, 200.2, 0.2) $$, 'a fee in USDT on a buy is part of the cost');

select tests.sent_exit('one');
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 2, tests.fill('s', 110, 2, 0.22));
select results_eq($$ select realized_pnl::numeric, realized_pnl_percent, fees_paid::numeric from tests.position_of('one') $$,
  -- 220 - 0.22 - 200.2 = 19.58; 19.58 / 200.2 = 9.78021978021..%
  $$ values (19.58, 9.78021978, 0.42) $$, 'on a sell it makes the proceeds smaller; the return is against the cost of the buys');
select is((select current_balance::numeric from public.paper_balances), 10019.58, 'the account has gained exactly that');

select * from finish();
rollback;
