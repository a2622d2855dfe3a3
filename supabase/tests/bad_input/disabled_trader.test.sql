begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"enabled": false}');
select tests.decide('one', 'alpha');
select tests.run_jobs();

select * from tests.is_refused('one', 'trader_disabled');

update public.traders set enabled = true;
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
