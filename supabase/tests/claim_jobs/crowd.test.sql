begin;
select plan(10);
select tests.open_desk();
update trading.settings set max_workers = 2;
create function pg_temp.queue(p_kind text, p_name text) returns void language sql as $$
  select trading.enqueue_job(p_kind, p_name, trading.ensure_portfolio(tests.user_id('ann'), 'paper', now()), true, trading.engine_now())
$$;
create function pg_temp.claim(p_worker text, p_limit int default 1) returns text[] language sql as $$
  select array(select j.key from jsonb_array_elements(trading.claim_jobs(p_worker, p_limit, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs')
    with ordinality c (job, n) join trading.jobs j on j.id = (c.job ->> 'id')::bigint order by c.n)
$$;
select pg_temp.queue('sync', 'question ' || n) from generate_series(1, 4) n;
select is(pg_temp.claim('first'), array['question 1'], 'a worker finds work');
select is(pg_temp.claim('second'), array['question 2'], 'and so does another');
select is(pg_temp.claim('third'), '{}'::text[], 'one more than may share the queue leaves it to them');
select is(pg_temp.claim('first'), array['question 3'], 'those who are at work go on');

select pg_temp.queue(k, k) from unnest('{enter,exit,protect,cancel,halt}'::text[]) k;
select is(pg_temp.claim('third'), array['halt'], 'what ends, guards or stops positions is taken by as many again');
select is(pg_temp.claim('fourth'), array['exit'], 'by the fourth of two');
select is(pg_temp.claim('fifth'), '{}'::text[], 'not by a fifth');
select is(pg_temp.claim('fourth', 10), array['protect', 'cancel'], 'who has come to help does only that');
select is(pg_temp.claim('first', 10), array['question 4', 'enter'], 'the rest is for those who were there first');
update trading.jobs set lease_until = clock_timestamp() - interval '1 second' where worker in ('second', 'third', 'fourth');
select pg_temp.queue('sync', 'question 5');
select is(pg_temp.claim('sixth'), array['question 5'], 'who died keeps nobody out');

select * from finish();
rollback;
