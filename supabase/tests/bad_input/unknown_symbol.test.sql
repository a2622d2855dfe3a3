begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha', p_symbol => 'NOSUCHUSDT');
select tests.run_jobs();

select * from tests.is_refused('one', 'symbol_unknown');

update public.signals set symbol = 'SOLUSDT' where id = tests.signal_id('one');
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
