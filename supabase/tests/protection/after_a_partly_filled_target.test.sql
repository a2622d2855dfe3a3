begin;
select plan(4);
select tests.open_desk();
select tests.resting_entry('one', 1, '{"entry": 100, "stopLoss": 95, "takeProfit": [110]}');
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 1, tests.fill('1', 100, 1));

select is(tests.report((tests.order_of('one', 'take_profit', 1)).id, 'working', 0.3, tests.fill('t1', 110, 0.3)), 'partially_filled',
  'a target fills in part');
select results_eq($$ select o.quantity::numeric, o.filled_quantity::numeric from tests.order_of('one', 'take_profit', 1) o $$,
  $$ values (1::numeric, 0.3) $$,
  'it still asks for what is left');
select is((tests.order_of('one', 'stop_loss')).quantity::numeric, 0.7, 'the stop is for what is left');
select tests.sent_exit('one', 0.2);
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 0.2, tests.fill('s1', 105, 0.2));
select results_eq($$ select o.quantity::numeric, o.filled_quantity::numeric, (tests.order_of('one', 'stop_loss')).quantity::numeric from tests.order_of('one', 'take_profit', 1) o $$,
  $$ values (0.8, 0.3, 0.5) $$, 'when a part is sold by hand both become smaller, and the target keeps what it has filled');

select * from finish();
rollback;
