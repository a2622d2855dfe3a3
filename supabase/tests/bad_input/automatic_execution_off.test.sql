begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"auto_execute_trades": false}');
select tests.decide('one', 'alpha');
select tests.run_jobs();

select * from tests.is_refused('one', 'auto_execute_off');

update public.traders set auto_execute_trades = true;
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
