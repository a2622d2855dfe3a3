-- A process that is killed takes all of its workers along; their leases have half a minute to go.
begin;
select plan(7);
select tests.open_desk();
update trading.settings set max_workers = 2;
create function pg_temp.queue(p_kind text, p_name text) returns void language sql as $$
  select trading.enqueue_job(p_kind, p_name, trading.ensure_portfolio(tests.user_id('ann'), 'paper', now()), true, trading.engine_now())
$$;
create function pg_temp.claim(p_worker text, p_limit int default 1) returns text[] language sql as $$
  select array(select j.key from jsonb_array_elements(trading.claim_jobs(p_worker, p_limit, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs')
    with ordinality c (job, n) join trading.jobs j on j.id = (c.job ->> 'id')::bigint order by c.n)
$$;
select pg_temp.queue('exit', 'exit ' || n) from generate_series(1, 8) n;
select pg_temp.claim('worker ' || n) from generate_series(1, 4) n;
select pg_temp.queue('halt', 'emergency stop');
select is(pg_temp.claim('fresh', 10), '{"emergency stop"}', 'nobody is kept from a stop');
update trading.jobs set status = 'done', finished_at = clock_timestamp(), lease_until = null where key = 'emergency stop';
select is(pg_temp.claim('fresh'), '{}'::text[], 'but from all else, as long as those at work may live');

update trading.jobs set lease_until = lease_until - interval '5 seconds' where status = 'running';
select is(pg_temp.claim('fresh'), '{"exit 5"}', 'when none of them has been heard of for seconds, somebody goes on');
select is(pg_temp.claim('another'), '{}'::text[], 'and is enough');
update trading.jobs set status = 'done', finished_at = clock_timestamp(), lease_until = null where key = 'exit 5';
select is(pg_temp.claim('fresh'), '{"exit 6"}', 'with one job after the other');
select is(pg_temp.claim('fresh', 10), '{"exit 7","exit 8"}', 'or several at once');
update trading.jobs set status = 'done', finished_at = clock_timestamp(), lease_until = null where worker = 'fresh';
update trading.jobs set lease_until = clock_timestamp() + interval '30 seconds' where key = 'exit 1';
select pg_temp.queue('exit', 'exit 9');
select is(pg_temp.claim('fresh'), '{}'::text[], 'one of them that calls again is not dead, and goes on itself');

select * from finish();
rollback;
