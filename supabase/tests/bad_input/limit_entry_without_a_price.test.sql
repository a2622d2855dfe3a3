begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit"}');
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
select tests.run_jobs();

select * from tests.is_refused('one', 'entry_price_missing');

select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
