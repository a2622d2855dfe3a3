begin;
select plan(6);
select tests.open_desk();
select tests.resting_entry('one', 1);
select tests.resting_entry('two', 1);
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 1, tests.fill('1', 100, 1));
select tests.report((tests.order_of('two', 'entry')).id, 'cancelled', 0);
create temporary table before as select * from tests.snapshot('orders');

select is(tests.report((tests.order_of('one', 'entry')).id, 'working', 0), 'filled',
  'an older report does not take a filled order back to working');
select is(tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 0), 'filled', 'nor to cancelled');
select is(tests.report((tests.order_of('two', 'entry')).id, 'working', 0), 'cancelled', 'a cancelled order does not rest again');
select is(tests.report((tests.order_of('two', 'entry')).id, 'expired', 0), 'cancelled', 'nor expire');
select ok((tests.order_of('one', 'entry')).finished_at is not null and (tests.order_of('two', 'entry')).finished_at is not null,
  'both keep the time of their end');
select set_eq($$ select * from tests.snapshot('orders') $$, 'table before', 'and nothing else moved');

select * from finish();
rollback;
