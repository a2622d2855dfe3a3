begin;
select plan(9);
select tests.open_desk();
create temp table t as select tests.go_live('ann') as account;
update trading.settings set max_workers = 4;
create function pg_temp.queue(p_kind text, p_name text, p_stage text default 'live') returns void language sql as $$
  select trading.enqueue_job(p_kind, p_name, trading.ensure_portfolio(tests.user_id('ann'), p_stage, now()), p_stage = 'paper', trading.engine_now())
$$;
create function pg_temp.claim(p_worker text, p_limit int default 10) returns text[] language sql as $$
  select array(select j.key from jsonb_array_elements(trading.claim_jobs(p_worker, p_limit, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs')
    with ordinality c (job, n) join trading.jobs j on j.id = (c.job ->> 'id')::bigint order by c.n)
$$;
delete from trading.jobs where status = 'queued';
-- Four workers with four questions each; one of their calls was not sent in time.
select pg_temp.queue('sync', 'slow ' || n) from generate_series(1, 16) n;
select is(sum(cardinality(pg_temp.claim('worker ' || n, 4))), 16::bigint, 'a slow exchange has all workers wait') from generate_series(1, 4) n;
insert into trading.exchange_calls (account_id, environment, job_id, job_attempt, action, request, weight, timestamp_ms, recv_window_ms, permitted_at, send_by,
  answered_at, outcome, reason)
select t.account, 'simulator', j.id, 1, 'lookup', '{}', 4, 0, 1000, trading.engine_now(), trading.engine_now(), trading.engine_now(), 'not_sent', 'window_over'
from t, trading.jobs j where j.key = 'slow 1';

select pg_temp.queue('exit', 'exit');
select pg_temp.queue('exit', 'exit on paper', 'paper');
select is(pg_temp.claim('helper'), '{exit,"exit on paper"}', 'the workers that are kept for exits begin them all the same');
select pg_temp.queue('protect', 'fresh');
select is((select n ->> 'kind' from trading.jobs e, trading.claim_next(e, '{"outcome": "done"}', 'worker 1', trading.engine_now()) n where e.key = 'slow 1'), 'protect',
  'and whoever ends a job guards a position next');
update trading.settings set max_workers = 100;
select pg_temp.queue(k, k || ' ' || s, s) from unnest('{sync,enter}'::text[]) k, unnest('{live,paper}'::text[]) s;
select is(pg_temp.claim('another'), '{"sync paper","enter paper"}', 'what is on paper has no windows to miss; further questions and entries wait');
select pg_temp.queue('exit', 'exit ' || n) from generate_series(1, 20) n;
select is(cardinality(pg_temp.claim('many', 14)), 14, 'exits are begun until they are many themselves');
select is(trading.uncrowded_priority(trading.engine_now()), 0, 'which they are with the one and the stop that are under way');
select pg_temp.queue('exit', 'another on paper', 'paper');
select is(pg_temp.claim('another'), '{"another on paper"}', 'a further one would be too late, but on paper');
update trading.jobs set status = 'done', finished_at = clock_timestamp(), lease_until = null where status = 'running' and (key like 'slow%' or key like 'exit 1%');
select is(pg_temp.claim('another', 1), array['exit 15'], 'when they have become few it is begun');
select is(pg_temp.claim('yet another', 100) @> '{"enter live","sync live"}', true, 'and with it all that waited');

select * from finish();
rollback;
