begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{}', '{"max_position_quote": 99}');
select tests.decide('one', 'alpha');
select tests.run_jobs();

select * from tests.is_refused('one', 'max_position');

update public.risk_limits set max_position_quote = 100;
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
