begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create temporary table before as select * from tests.snapshot();

select tests.raises($$ update public.positions set status = 'created' $$, 'FB409', 'position_transition_illegal',
  'the role that migrates may not take an illegal step');

set local role fillbase_engine;
select tests.raises($$ update public.positions set status = 'created' $$, 'FB409', 'position_transition_illegal',
  'nor may the owner of the table');
reset role;

select tests.act_as_service();
select throws_ok($$ update public.positions set status = 'closing' $$, '42501', null, 'the service role may not take even a legal one');
select tests.act_as_user('ann');
select throws_ok($$ update public.positions set status = 'closing' $$, '42501', null, 'nor may the owner of the position');
select tests.act_as_anon();
select throws_ok($$ update public.positions set status = 'closing' $$, '42501', null, 'nor may anybody without a name');

select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and no row of any table has changed');

select * from finish();
rollback;
