begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"paper_trade_mode": false}');
select tests.decide('one', 'alpha');
select tests.run_jobs();

select * from tests.is_refused('one', 'live_not_available');

update public.traders set paper_trade_mode = true;
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
