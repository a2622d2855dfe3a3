begin;
select plan(5);
select tests.open_desk();
select tests.resting_entry('one', 1);
create temporary table before as select * from tests.snapshot();

select tests.raises($$ update public.orders set state = 'planned' $$, 'FB409', 'order_transition_illegal',
  'the role that migrates may not take an illegal step');
set local role fillbase_engine;
select tests.raises($$ update public.orders set state = 'unknown' $$, 'FB409', 'order_transition_illegal',
  'nor may the owner of the table');
reset role;
select tests.act_as_service();
select throws_ok($$ update public.orders set state = 'cancelled', finished_at = now() $$, '42501', null,
  'the service role may not take even a legal one');
select tests.act_as_user('ann');
select throws_ok($$ update public.orders set state = 'cancelled', finished_at = now() $$, '42501', null, 'nor may the owner of the order');

select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and no row of any table has changed');

select * from finish();
rollback;
