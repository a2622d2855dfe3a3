begin;
select plan(3);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 2, tests.fill('1', 100, 2));
select tests.sent_exit('one');
create temporary table before as select * from tests.snapshot();

select tests.raises($$ select tests.report((tests.order_of('one', 'exit')).id, 'filled', 2, tests.fill('s', 101, 2.001)) $$,
  'FB500', 'oversold', 'a sale of more than is held breaks an invariant');
select tests.raises($$ select tests.report((tests.order_of('one', 'exit')).id, 'filled', 2, tests.fill('s', 101, 1), tests.fill('t', 101, 1.5)) $$,
  'FB500', 'oversold', 'so do two fills that are too much together');
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing was changed');

select * from finish();
rollback;
