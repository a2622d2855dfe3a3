begin;
select plan(8);
select tests.open_desk();
create function pg_temp.queue(p_kind text default 'exit', p_payload jsonb default '{"n": 1}', p_portfolio int default 1, p_position int default 1) returns bigint
language sql as $$
  select trading.enqueue_job(p_kind, 'the key', md5(p_portfolio::text)::uuid, true, trading.engine_now(),
    p_position_id => md5('p' || p_position)::uuid, p_payload => p_payload)
$$;

create temporary table first as select pg_temp.queue() as id;
create temporary table before as select * from trading.jobs;
select is(pg_temp.queue(), (select id from first), 'the same command under the same key is the same job');
select tests.raises($$ select pg_temp.queue(p_kind => 'cancel') $$, 'FB409', 'job_key_conflict', 'another kind under this key is an error');
select tests.raises($$ select pg_temp.queue(p_payload => '{"n": 2}') $$, 'FB409', 'job_key_conflict', 'so is another payload');
select tests.raises($$ select pg_temp.queue(p_portfolio => 2) $$, 'FB409', 'job_key_conflict', 'or another portfolio');
select tests.raises($$ select pg_temp.queue(p_position => 2) $$, 'FB409', 'job_key_conflict', 'or another position');
select set_eq('select * from trading.jobs', 'table before', 'the job that was queued stays as it was');

update trading.jobs set status = 'done', finished_at = now();
select is(pg_temp.queue(), (select id from first), 'a command that is done is not queued again');
select is((select status from trading.jobs), 'done', 'and stays done');

select * from finish();
rollback;
