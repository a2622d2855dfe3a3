begin;
select plan(6);
select tests.open_desk();
update trading.settings set project_url = 'https://desk.example.test';
select tests.hire('alpha');
select tests.decide('one', 'alpha');
select tests.decide('two', 'alpha');
select trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8));
delete from net.http_request_queue;  -- the bell was lost
select set_config('trading.bell_rung_in', '', true);

select is(trading.sweep(), '{"leases_expired": 0, "stops_rearmed": 0}'::jsonb, 'a sweep leaves a worker alone whose lease still runs');
select is((select status from trading.jobs where signal_id = tests.signal_id('one')), 'running', 'its job stays its own');
select is((select count(*) from net.http_request_queue), 1::bigint, 'and rings again for what is due');

delete from trading.jobs;
delete from net.http_request_queue;
select set_config('trading.bell_rung_in', '', true);
select trading.enqueue_job('sync', 'later', gen_random_uuid(), true, trading.engine_now() + interval '1 second');
delete from net.http_request_queue;
select set_config('trading.bell_rung_in', '', true);
select ok(not trading.has_due_jobs(), 'a job that is not due is not due');
select trading.sweep();
select is((select count(*) from net.http_request_queue), 0::bigint, 'and no bell rings for it');
select ok(trading.has_due_jobs(trading.engine_now() + interval '1 second'), 'until its time');

select * from finish();
rollback;
