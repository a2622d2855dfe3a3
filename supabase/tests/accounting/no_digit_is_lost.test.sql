begin;
select plan(4);
select tests.open_desk();
select tests.resting_entry('one', 1);
-- A price with 18 decimals times 0.5 has 19: more than a rounded division would keep.
select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 0.5, tests.fill('1', 100.000000000000000001, 0.5));
select is((tests.position_of('one')).cost::numeric, 50.0000000000000000005, 'a cost is kept to its last digit');

select tests.sent_exit('one');
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 0.5, tests.fill('s', 100.000000000000000003, 0.5));
select is((tests.position_of('one')).realized_pnl::numeric, 0.000000000000000001, 'so is the result');
select is((select realized_pnl::numeric from public.trades where side = 'SELL'), 0.000000000000000001,
  'the sale of all takes all of the cost, not a rounded share');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
