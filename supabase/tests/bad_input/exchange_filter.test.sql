begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 4.9}');
update public.risk_limits set min_position_quote = 0;
select tests.decide('one', 'alpha');
select tests.run_jobs();

select * from tests.is_refused('one', 'filter_notional');

update public.traders set sizing_value = 100;
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
