-- Purpose: what is picked up and watched every two seconds, whoever is awake.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Whether a job waits although its own bell has had time: ringing earlier would only cut the next decision's bell short of
-- its place in the HTTP client. Market time stands apart from the wall, so a replay is rung for whatever is due.
create function trading.has_forgotten_jobs(p_now timestamptz) returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  return exists (
    select from trading.jobs j
    where j.status = 'queued' and j.due_at <= p_now
      and (j.enqueued_at < clock_timestamp() - interval '1 second' or j.due_at > j.enqueued_at
        or (select s.clock_at is not null from trading.settings s)));
end
$$;
comment on function trading.has_forgotten_jobs is 'Whether a due job has waited for longer than a bell takes, or became due after its bell.';

create unlogged table trading.sweeps (
  id       boolean primary key default true check (id),
  swept_at timestamptz not null
) with (fillfactor = 50);
comment on table trading.sweeps is 'When the last sweep ended (wall clock).';
alter table trading.sweeps enable row level security;
create policy sweeps_select_service on trading.sweeps for select to service_role using (true);
revoke all on trading.sweeps from public, anon, authenticated, service_role;
grant select on trading.sweeps to service_role;

-- Security definer: the schedule's and the workers' roles may have it done, and write nothing themselves.
create function trading.sweep(p_now timestamptz default null) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now      timestamptz := coalesce(p_now, trading.engine_now());
  v_expired  int;
  v_rearmed  int;
begin
  -- An entry that takes one worker down after another is not given to every one there is. What it only waited for does not count.
  perform trading.fail_job(j.id, j.fence, 'LEASE', 'its worker died, and it had failed too often before', null, v_now)
  from (
    -- One that is being answered right now is nobody's to fail.
    select e.id, e.fence from trading.jobs e
    where e.status = 'running' and e.kind = 'enter' and e.lease_until < clock_timestamp()
      and e.failures + 1 >= (select s.job_max_attempts from trading.settings s)
    for no key update skip locked
  ) j;
  -- What ends or guards positions has lost half a minute already, and nobody has refused it: it backs off no longer for that.
  with expired as (
    select j.id from trading.jobs j where j.status = 'running' and j.lease_until < clock_timestamp() for no key update skip locked
  )
  update trading.jobs j set status = 'queued', worker = null, lease_until = null, failures = j.failures + (j.kind = 'enter')::int,
    last_error = jsonb_build_object('message', 'the lease ran out; its worker is believed dead')
  from expired where j.id = expired.id;
  get diagnostics v_expired = row_count;

  -- A fired stop whose exit is no longer queued is armed again, so that the next price fires it anew; one that somebody holds is
  -- left to the next sweep.
  with lost as (
    select s.position_id from trading.engine_stops s
    where s.fired_at < v_now - interval '10 seconds'
      and not exists (select from trading.jobs j where j.position_id = s.position_id and j.kind in ('exit', 'sync') and j.status in ('queued', 'running'))
    for no key update skip locked
  )
  update trading.engine_stops s set fired_at = null from lost where s.position_id = lost.position_id;
  get diagnostics v_rearmed = row_count;

  perform trading.advance_stops(v_now);
  perform trading.queue_due_syncs(v_now);
  perform trading.watch_naked(v_now);
  perform trading.watch_unshown(v_now);
  perform trading.watch_exchange(v_now);
  perform trading.watch_losses(v_now);
  perform trading.watch_prices(v_now);
  if trading.has_forgotten_jobs(v_now) then
    perform trading.ring_bell();
  end if;
  insert into trading.sweeps as s (swept_at) values (clock_timestamp()) on conflict (id) do update set swept_at = excluded.swept_at;
  return jsonb_build_object('leases_expired', v_expired, 'stops_rearmed', v_rearmed);
end
$$;
comment on function trading.sweep is 'Every 2 s: frees the jobs of dead workers, re-arms stops whose exit got lost, and rings again when something is due.';
grant execute on function trading.sweep to service_role;

-- pg_cron opens a session for every run, and in a new session all that the sweep calls is compiled and planned anew, which
-- costs tens of times what there is to do. So one run stays for many sweeps, each its own transaction. A procedure that commits
-- may neither be security definer nor have settings of its own: it sets its search_path first. Plans made for any value of a
-- parameter are kept from the first sweep on; of a time no other would be better.
create procedure trading.keep_sweeping(p_for interval default '90 seconds', p_every interval default '2 seconds')
language plpgsql
as $$
declare
  v_end timestamptz := pg_catalog.clock_timestamp() operator(pg_catalog.+) p_for;
begin
  perform pg_catalog.set_config('search_path', '', false), pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', false);
  -- Whoever takes it off the schedule does not have to wait for its end.
  while clock_timestamp() < v_end and exists (select from cron.job j where j.jobname = 'fillbase-sweep' and j.active) loop
    perform trading.sweep();
    commit;
    perform pg_sleep_for(p_every);
    commit;
  end loop;
end
$$;
comment on procedure trading.keep_sweeping is
  'Sweeps every p_every while fillbase-sweep is scheduled, for p_for at most (below statement_timeout), each sweep a transaction of its own. Called by the schedule alone, as its only statement.';

-- Whatever keeps the run from sweeping, such as a schedule that lets no procedure commit, must not keep everything from it.
create function trading.sweep_if_nobody_did(p_for interval default '10 seconds') returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  if exists (select from trading.sweeps s where s.swept_at > clock_timestamp() - p_for) then
    return false;
  end if;
  perform trading.sweep();
  return true;
end
$$;
comment on function trading.sweep_if_nobody_did is 'Sweeps once where no sweep has ended for p_for; whether it did.';

reset role;
