begin;
select plan(6);
select tests.open_desk();
select tests.resting_entry('one', 3);
select tests.resting_entry('witness', 1);
select is(tests.report((tests.order_of('one', 'entry')).id, 'expired', 1, tests.fill('1', 100, 1, 0.001, 'SOL')), 'expired',
  'an order that filled in part and expired is expired');
select is((tests.order_of('one', 'entry')).filled_quantity::numeric, 1::numeric, 'it keeps what it filled');
select is((tests.position_of('one')).status, 'open', 'its position is open with that part');
select is((tests.order_of('one', 'stop_loss')).quantity::numeric, 0.999, 'and the part is protected');
select results_eq($$ select amount::numeric, released_at is not null from trading.reservations where order_id = (tests.order_of('one', 'entry')).id $$,
  $$ values (0::numeric, true) $$, 'what was reserved for the rest is free again');
select results_eq($$ select amount::numeric, released_at is not null from trading.reservations where order_id = (tests.order_of('witness', 'entry')).id $$,
  $$ values (100::numeric, false) $$, 'what another order has reserved is not');

select * from finish();
rollback;
