begin;
select plan(3);
select tests.open_desk();
select tests.resting_entry('one', 1);

select is(tests.report((tests.order_of('one', 'entry')).id, 'filled', 1), 'working',
  'an order the venue calls filled is still working while no fill of it is known');
select is((tests.position_of('one')).status, 'submitting', 'and no position is open without coins');
select is((select count(*) from public.trades), 0::bigint, 'no fill is made up');

select * from finish();
rollback;
