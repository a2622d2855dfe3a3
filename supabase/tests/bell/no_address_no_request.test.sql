begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');
select is((select count(*) from net.http_request_queue), 0::bigint, 'without a project URL nothing is posted');
select is((select count(*) from trading.jobs), 1::bigint, 'the job waits for whoever listens or sweeps');

select * from finish();
rollback;
