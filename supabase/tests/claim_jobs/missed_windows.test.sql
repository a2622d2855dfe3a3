begin;
select plan(8);
select tests.open_desk();
create temp table t as select tests.go_live('ann') as account;
update trading.settings set max_workers = 100;
create function pg_temp.queue(p_kind text, p_name text) returns void language sql as $$
  select trading.enqueue_job(p_kind, p_name, trading.ensure_portfolio(tests.user_id('ann'), 'live', now()), false, trading.engine_now())
$$;
create function pg_temp.claim(p_worker text, p_limit int default 1) returns text[] language sql as $$
  select array(select j.key from jsonb_array_elements(trading.claim_jobs(p_worker, p_limit, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs')
    with ordinality c (job, n) join trading.jobs j on j.id = (c.job ->> 'id')::bigint order by c.n)
$$;
-- What a worker is given that has just ended a job.
create function pg_temp.next(p_after text) returns text language sql as $$
  select j.key from trading.jobs e, trading.claim_next(e, '{"outcome": "done"}', 'first', trading.engine_now()) n, trading.jobs j
  where e.key = p_after and j.id = (n ->> 'id')::bigint
$$;
delete from trading.jobs where status = 'queued';
select pg_temp.queue(k, k) from unnest('{protect,enter}'::text[]) k;
update trading.jobs set status = 'done', finished_at = clock_timestamp() where key in ('protect', 'enter');
select pg_temp.queue('enter', 'another entry');
select pg_temp.queue('exit', 'exit ' || n) from generate_series(1, 30) n;
select is(cardinality(pg_temp.claim('first', 17)), 17, 'live jobs are many while all of their calls leave in time');
insert into trading.exchange_calls (account_id, environment, job_id, job_attempt, action, request, weight, timestamp_ms, recv_window_ms, permitted_at, send_by,
  answered_at, outcome, reason)
select t.account, 'simulator', j.id, 1, 'cancel', '{}', 1, 0, 1000, trading.engine_now(), trading.engine_now(), trading.engine_now(), 'not_sent', 'window_over'
from t, trading.jobs j where j.key = 'exit 1';
select is(pg_temp.claim('second'), '{}'::text[], 'after one that did not, nobody begins another');
select is(pg_temp.next('protect'), null, 'nor does who has ended one');
select is(pg_temp.next('enter'), null, 'nor does an entry follow an entry');
select pg_temp.queue('halt', 'a stop');
select is(pg_temp.claim('second', 2), array['a stop'], 'but for a stop');
update trading.jobs set status = 'done', finished_at = clock_timestamp(), lease_until = null where key in ('a stop', 'exit 1', 'exit 2');
select is(pg_temp.next('protect'), 'exit 18', 'until they are few');
select is(pg_temp.claim('second'), '{}'::text[], 'which they are not any more');
select trading.set_clock(trading.engine_now() + interval '6 seconds');
select is(cardinality(pg_temp.claim('second', 5)), 5, 'or the miss is some seconds ago');

select * from finish();
rollback;
