begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{}', null);
select tests.decide('one', 'alpha');
select tests.run_jobs();

select * from tests.is_refused('one', 'no_risk_limits');

select tests.act_as_user('ann');
select public.set_risk_limits('{"max_position_quote": 1000}', tests.trader_id('alpha'));
select tests.act_as_owner();
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
