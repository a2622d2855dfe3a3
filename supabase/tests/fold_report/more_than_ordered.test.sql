begin;
select plan(2);
select tests.open_desk();
select tests.resting_entry('one', 1);
create temporary table before as select * from tests.snapshot();

select throws_ok($$ select tests.report((tests.order_of('one', 'entry')).id, 'filled', 1, tests.fill('1', 100, 1), tests.fill('2', 100, 0.001)) $$,
  '23514', null, 'an order cannot fill beyond its quantity');
select set_eq('select * from tests.snapshot()', 'table before', 'and the fills that fitted are not recorded by halves');

select * from finish();
rollback;
