begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');
create temporary table old as select trading.claim_jobs('first', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs' -> 0 as job;
update trading.jobs set lease_until = clock_timestamp() - interval '1 millisecond';
select is(trading.sweep() ->> 'leases_expired', '1', 'a job whose worker has not answered within its lease is freed');
create temporary table new as select trading.claim_jobs('second', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs' -> 0 as job;
select is((select (n.job ->> 'fence')::int - (o.job ->> 'fence')::int from old o, new n), 1,
  'another worker claims it under a higher fence');
create temporary table before as select * from tests.snapshot();

select tests.raises($$ select trading.execute_job((job ->> 'id')::bigint, (job ->> 'fence')::bigint) from old $$, 'FB409', 'fence_lost',
  'the first worker, back from the dead, is refused');
select tests.raises($$ select trading.fail_job((job ->> 'id')::bigint, (job ->> 'fence')::bigint, '08006', 'late') from old $$, 'FB409',
  'fence_lost',
  'nor may it report an error for it');
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing has changed');

select trading.execute_job((job ->> 'id')::bigint, (job ->> 'fence')::bigint) from new;
select is((tests.position_of('one')).status, 'open', 'the second one executes it');
select tests.raises($$ select trading.execute_job((job ->> 'id')::bigint, (job ->> 'fence')::bigint) from new $$, 'FB409', 'fence_lost',
  'once: a job that is done is not executed again');
select tests.raises($$ select trading.execute_job(-1, 1) $$, 'FB404', 'job_not_found', 'a job that never was is not found');

select * from finish();
rollback;
