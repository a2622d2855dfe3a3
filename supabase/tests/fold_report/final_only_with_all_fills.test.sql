begin;
select plan(6);
select tests.open_desk();
select tests.resting_entry('one', 3);

select is(tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 2, tests.fill('1', 100, 1)), 'partially_filled',
  'the venue executed more than we know of: the order is not final');
select results_eq($$ select amount::numeric, released_at is null from trading.reservations $$, $$ values (200::numeric, true) $$,
  'its reservation stays, less the fill that came');
select is((tests.order_of('one', 'entry')).venue_executed_quantity::numeric, 2::numeric, 'what the venue said is kept');
select is(tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 1), 'partially_filled',
  'an older, smaller figure does not make it final');
select is(tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 2, tests.fill('2', 100, 1)), 'cancelled', 'the missing fill does');
select results_eq($$ select amount::numeric, released_at is not null from trading.reservations $$, $$ values (0::numeric, true) $$,
  'and everything reserved is free');

select * from finish();
rollback;
