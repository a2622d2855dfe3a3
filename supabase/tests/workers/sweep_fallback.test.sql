begin;
select plan(5);
select tests.open_desk();
create function pg_temp.dead_job(p_key text) returns void language sql as $$
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, position_id, status, worker, fence, attempts, lease_until, started_at)
  values ('sync', p_key, gen_random_uuid(), true, now() + interval '1 hour', gen_random_uuid(), 'running', 'dead', 1, 1, now() - interval '1 second', now())
$$;
select pg_temp.dead_job('one');
delete from trading.sweeps;
select is(trading.sweep_if_nobody_did(), true, 'where nobody has swept, the fallback does');
select is((select status from trading.jobs where key = 'one'), 'queued', 'as any sweep would');
select pg_temp.dead_job('two');
select is(trading.sweep_if_nobody_did(), false, 'where somebody has just swept, it leaves that to them');
update trading.sweeps set swept_at = clock_timestamp() - interval '11 seconds';
select is(trading.sweep_if_nobody_did(), true, 'but not for long');
select is((select array_agg(command order by command) from cron.job where jobname like 'fillbase-sweep%'),
  '{"call trading.keep_sweeping()","select trading.sweep_if_nobody_did()"}', 'both are on the schedule');

select * from finish();
rollback;
