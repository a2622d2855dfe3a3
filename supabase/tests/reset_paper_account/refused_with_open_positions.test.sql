begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.resting_entry('two', 1);
create temporary table before as select * from tests.snapshot();
select tests.act_as_user('ann');
select tests.raises($$ select public.reset_paper_account(tests.trader_id('alpha')) $$, 'FB409', 'account_has_open_positions',
  'an account that holds a position is not reset');
select tests.raises($$ select public.reset_paper_account(tests.trader_id('two')) $$, 'FB409', 'account_has_open_positions',
  'nor one whose entry rests');
select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing has changed');

select * from finish();
rollback;
