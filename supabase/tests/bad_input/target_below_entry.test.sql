begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha', '{"entry": 100, "stopLoss": 95, "takeProfit": [110, 99]}');
select tests.run_jobs();

select * from tests.is_refused('one', 'target_not_above_entry');

select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
