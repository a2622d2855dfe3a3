begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.act_as_user('ann');
create function pg_temp.close(p_quantity numeric, p_request int) returns jsonb language sql as $$
  select public.close_position(p.id, p_quantity, md5(p_request::text)::uuid) from public.positions p
$$;

create temporary table first as select pg_temp.close(0.3, 1) as said;
select is(pg_temp.close(0.3, 1), (select said from first), 'the same request is answered with the same job');
select tests.raises('select pg_temp.close(0.4, 1)', 'FB409', 'request_conflict', 'under the same request another quantity is an error');
select isnt(pg_temp.close(0.3, 2) ->> 'job_id', (select said ->> 'job_id' from first), 'another request is another job');
select tests.act_as_owner();
select tests.run_jobs();
select is((tests.position_of('one')).exit_quantity::numeric, 0.6, 'each was executed once');
select tests.act_as_user('ann');
select pg_temp.close(0.3, 1);
select tests.act_as_owner();
select is(tests.run_jobs(), '{}'::text[], 'a request repeated after that sells nothing more');

select * from finish();
rollback;
