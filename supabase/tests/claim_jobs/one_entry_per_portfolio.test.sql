begin;
select plan(7);
select tests.open_desk('{"entry_batch": 1}');
select tests.hire('alpha');
select tests.hire('beta');
select tests.decide('one', 'alpha');
select tests.decide('two', 'beta');
select tests.decide('three', 'alpha');
create function pg_temp.claim() returns jsonb language sql as $$
  select trading.claim_jobs('tests', 10, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs'
$$;

create temporary table claimed as select pg_temp.claim() -> 0 as job;
select is((select (job ->> 'signal_id')::uuid from claimed), tests.signal_id('one'), 'the first decision of a user''s traders is claimed');
select is(pg_temp.claim(), '[]'::jsonb, 'no other one of that user while it runs, whichever trader made it');
select throws_ok($$ update trading.jobs set status = 'running', worker = 'rogue', lease_until = now() + interval '1 minute' where status = 'queued' $$, '23505', null,
  'two at once cannot even be written');

create temporary table next as
  select trading.execute_job((job ->> 'id')::bigint, (job ->> 'fence')::bigint, 'tests') -> 'next' as job from claimed;
select is((select (job ->> 'signal_id')::uuid from next), tests.signal_id('two'),
  'whoever finishes it gets the next in the same transaction');
select is(pg_temp.claim(), '[]'::jsonb, 'and nobody else');
select is((select trading.execute_job((job ->> 'id')::bigint, (job ->> 'fence')::bigint) -> 'next' from next), 'null'::jsonb,
  'a worker that names no successor gets none');
select tests.decide('four', 'beta');
update trading.jobs set due_at = due_at + interval '1 second' where signal_id = tests.signal_id('four');
create temporary table third as select pg_temp.claim() -> 0 as job;
select is((select trading.execute_job((job ->> 'id')::bigint, (job ->> 'fence')::bigint, 'tests') -> 'next' from third), 'null'::jsonb,
  'nor does one whose next entry is not due yet');

select * from finish();
rollback;
