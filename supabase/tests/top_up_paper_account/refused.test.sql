begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.create_user('eve');
create temporary table before as select * from tests.snapshot();
select tests.act_as_user('ann');
create function pg_temp.refused(p_amount text, p_why text) returns text language sql as $$
  select tests.raises(format('select public.top_up_paper_account(tests.trader_id(%L), %L)', 'alpha', p_amount), 'FB400', 'amount_invalid', p_why)
$$;
select pg_temp.refused('0', 'nothing is no top-up');
select pg_temp.refused('-1', 'a top-up takes nothing away');
select pg_temp.refused('NaN', 'NaN is no amount');
select pg_temp.refused('Infinity', 'nor is Infinity');
select pg_temp.refused('1000000001', 'nor more than a billion');
select pg_temp.refused('0.000000001', 'nor less than the smallest unit');
select tests.act_as_user('eve');
select tests.raises($$ select public.top_up_paper_account(tests.trader_id('alpha'), 1) $$, 'FB404', 'trader_not_found',
  'a stranger''s trader is not found');
select tests.raises($$ select public.reset_paper_account(tests.trader_id('alpha')) $$, 'FB404', 'trader_not_found',
  'nor can a stranger reset its account');
select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing has changed');

select * from finish();
rollback;
