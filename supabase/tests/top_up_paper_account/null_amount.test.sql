begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha');
create temporary table before as select * from tests.snapshot();
select tests.act_as_user('ann');
select tests.raises($$ select public.top_up_paper_account(tests.trader_id('alpha'), null) $$, 'FB400', 'amount_invalid',
  'no amount is no top-up');
select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing has changed');

select * from finish();
rollback;
