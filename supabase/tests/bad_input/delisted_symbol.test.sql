begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.list_symbol('SOLUSDT', '{"status": "DELISTED"}');
select tests.decide('one', 'alpha');
select tests.run_jobs();

select * from tests.is_refused('one', 'symbol_not_trading');

select tests.list_symbol('SOLUSDT');
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
