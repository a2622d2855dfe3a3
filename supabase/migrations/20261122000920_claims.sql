-- Purpose: claims with lease and fence, and how a job ends.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.job_json(p_job trading.jobs) returns jsonb
language sql stable
return jsonb_build_object('id', p_job.id, 'kind', p_job.kind, 'fence', p_job.fence, 'is_paper', p_job.is_paper,
    'portfolio_id', p_job.portfolio_id, 'signal_id', p_job.signal_id, 'position_id', p_job.position_id,
    'order_id', p_job.order_id, 'payload', p_job.payload, 'attempts', p_job.attempts);
comment on function trading.job_json is 'A job as a worker sees it.';

-- Only one entry of a portfolio runs at a time, so entries are claimed through their portfolio: the first due one of each
-- free portfolio. SKIP LOCKED keeps two claimers off the same portfolio; which ones are free is judged in the next
-- statement, because the first one's snapshot may be older than the lock it got.
create function trading.claim_entries(p_worker text, p_limit int, p_lease interval, p_now timestamptz, p_has_live boolean default true) returns setof trading.jobs
language plpgsql volatile set search_path = ''
as $$
declare
  v_locked uuid[];
begin
  select array_agg(l.id) into v_locked from (
    select p.id from trading.portfolios p
    where p.id in (
      select w.portfolio_id from (
        select j.portfolio_id from trading.jobs j
        where j.status = 'queued' and j.kind = 'enter' and j.due_at <= p_now and (j.is_paper or p_has_live)
        order by j.id limit 1000) w
      where not exists (select from trading.jobs r where r.portfolio_id = w.portfolio_id and r.status = 'running' and r.kind = 'enter'))
    limit p_limit
    for no key update skip locked) l;
  if v_locked is null then
    return;
  end if;
  return query
    with heads as (
      select h.id from unnest(v_locked) f (id)
      cross join lateral (
        select j.id from trading.jobs j
        where j.portfolio_id = f.id and j.status = 'queued' and j.kind = 'enter' and j.due_at <= p_now
          and not exists (select from trading.jobs r where r.portfolio_id = f.id and r.status = 'running' and r.kind = 'enter')
        order by j.id limit 1
        for no key update of j skip locked
      ) h
    )
    update trading.jobs j set status = 'running', worker = p_worker, fence = j.fence + 1, attempts = j.attempts + 1,
      lease_until = clock_timestamp() + p_lease, started_at = clock_timestamp()
    from heads where j.id = heads.id
    returning j.*;
end
$$;
comment on function trading.claim_entries is 'Claims the next due entry of up to p_limit portfolios in which none is running; only on paper unless p_has_live.';

create function trading.claim_others(
  p_worker text, p_limit int, p_lease interval, p_now timestamptz, p_max_priority int default 6, p_max_live int default 6
) returns setof trading.jobs
language plpgsql volatile set search_path = ''
as $$
begin
  return query
    with due as (
      select j.id from trading.jobs j
      where j.status = 'queued' and j.kind <> 'enter' and j.due_at <= p_now and j.priority <= p_max_priority
        and (j.is_paper or j.priority <= p_max_live)
      order by j.priority, j.id
      limit p_limit
      for no key update skip locked
    )
    update trading.jobs j set status = 'running', worker = p_worker, fence = j.fence + 1, attempts = j.attempts + 1,
      lease_until = clock_timestamp() + p_lease, started_at = clock_timestamp()
    from due where j.id = due.id
    returning j.*;
end
$$;
comment on function trading.claim_others is 'Claims up to p_limit due jobs that are not entries, by priority up to p_max_priority (live ones: up to p_max_live as well), then age.';

-- Bells come in flocks and every one of them starts a worker. Beyond some, more of them only wait for each other, until what
-- they do is too late for its window. Who is at ordinary work stays; two that come at once may both still find room. Where all
-- wait for a slow exchange, as many again may end, guard and stop positions. A process that is killed takes many along, whose leases
-- have half a minute to go: nobody is kept from a stop by them, and where none of them takes a step another one goes on instead.
create function trading.claimable_priority(p_worker text) returns int
language plpgsql stable set search_path = ''
as $$
declare
  c_silent constant interval := '5 seconds';
  c_stop   constant int := 0;
  c_cancel constant int := 3;
  c_manage constant int := 6;
begin
  return (
    select case when count(distinct j.worker) < s.max_workers or bool_or(j.worker = p_worker and j.priority > c_cancel)
        or max(j.lease_until) < clock_timestamp() + make_interval(secs => s.lease_ms / 1000.0) - c_silent then c_manage
      when count(distinct j.worker) < 2 * s.max_workers or bool_or(j.worker = p_worker) then c_cancel
      else c_stop end
    from trading.settings s left join trading.jobs j on j.status = 'running' and j.lease_until > clock_timestamp()
    group by s.max_workers, s.lease_ms);
end
$$;
comment on function trading.claimable_priority is
  'Up to which priority a worker may claim jobs now, given how many others are at work: 6 all (also where none of them has claimed or gone on for 5 s), 3 what ends, guards or stops positions, 0 only a stop.';

-- Where processors or connections are short, what is begun besides makes all of it too late. The first call that misses its window
-- shows it; whoever ends a job then leaves the next one to those that are at work, until they are few. One of them always ends. What
-- ends or guards positions waits only for its like: questions to a slow exchange, however many, cost next to nothing here.
create function trading.uncrowded_priority(p_now timestamptz) returns int
language plpgsql stable set search_path = ''
as $$
declare
  c_lasts  constant interval := '5 seconds';
  c_few    constant int := 16;
  c_stop   constant int := 0;
  c_cancel constant int := 3;
  c_manage constant int := 6;
begin
  if not exists (select from trading.exchange_calls c where c.reason = 'window_over' and c.answered_at > p_now - c_lasts) then
    return c_manage;
  end if;
  return (
    select case when count(*) filter (where j.priority <= c_cancel) >= c_few then c_stop when count(*) >= c_few then c_cancel else c_manage end
    from trading.jobs j where j.status = 'running' and not j.is_paper and j.lease_until > clock_timestamp());
end
$$;
comment on function trading.uncrowded_priority is
  'Up to which priority live jobs may be begun now: where a call has missed its window within 5 s, beside 16 that are under way what ends, guards or stops positions (3), beside 16 of those nothing but a stop (0); else all (6).';

-- Whether a worker is awake and listening: it holds the session lock "fillbase_listener". Looking at pg_locks rather than
-- trying the lock, because a try would keep a worker out that wants it at the same moment.
create function trading.is_attended() returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  v_key bigint := hashtextextended('fillbase_listener', 0);
begin
  return exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
      and ((l.classid::bigint << 32) | l.objid::bigint) = v_key);
end
$$;
comment on function trading.is_attended is 'Whether some worker is listening for new jobs right now.';

-- A listener may have its hands full of questions to a slow exchange, or hang: its place must not keep others from a stop.
create function trading.is_left_waiting(p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  c_taken_up_within constant interval := '1 second';
begin
  return exists (select from trading.jobs j where j.status = 'queued' and j.kind <> 'enter' and j.due_at <= p_now - c_taken_up_within);
end
$$;
comment on function trading.is_left_waiting is 'Whether something other than an entry has been due for so long that whoever listens cannot take it up.';

-- What is tried again rings no bell when it becomes due. Entries, of which there may be thousands, wait for the sweep.
create function trading.due_in_ms(p_now timestamptz) returns int
language plpgsql stable set search_path = ''
as $$
declare
  c_sweep constant interval := '2 seconds';
begin
  return (
    select ceil(extract(epoch from min(j.due_at) - p_now) * 1000) from trading.jobs j
    where j.status = 'queued' and j.kind <> 'enter' and j.due_at > p_now and j.due_at <= p_now + c_sweep);
end
$$;
comment on function trading.due_in_ms is 'In how many milliseconds the next job other than an entry becomes due; null: not before the next sweep.';

create function trading.claim_jobs(
  p_worker text, p_limit int, p_url text, p_secret text, p_bell text default null, p_now timestamptz default null
) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now   timestamptz := coalesce(p_now, trading.engine_now());
  v_lease interval;
  v_jobs  jsonb := '[]';
  v_job   trading.jobs;
  v_taken int := 0;
  v_is_attended boolean;
  v_priority int := trading.claimable_priority(p_worker);
  v_live     int;
  c_entry constant int := 5;
begin
  if p_bell is not null and not trading.is_bell_valid(p_bell) then
    perform trading.raise_error('FB401', 'bell_invalid', 'the doorbell''s signature is wrong or older than 60 s');
  end if;
  perform trading.require_installation(p_url, p_secret);
  if coalesce(p_worker, '') = '' or (p_limit between 1 and 100) is not true then
    perform trading.raise_error('FB400', 'claim_invalid', 'a claim names its worker and asks for 1 to 100 jobs');
  end if;
  select make_interval(secs => s.lease_ms / 1000.0) into v_lease from trading.settings s;
  -- A bell that comes while a worker listens leaves the work to it, as long as that keeps up. Nothing is lost: that worker looks
  -- once more after it has given up its place, and its successor looks after it has taken it.
  v_is_attended := trading.is_attended();
  if p_bell is not null and v_is_attended and not trading.is_left_waiting(v_now) then
    p_limit := 0;
  end if;

  v_live := trading.uncrowded_priority(v_now);
  for v_job in select * from trading.claim_others(p_worker, p_limit, v_lease, v_now, v_priority, v_live) loop
    v_jobs := v_jobs || trading.job_json(v_job);
    v_taken := v_taken + 1;
  end loop;
  if v_taken < p_limit and v_priority >= c_entry and not trading.is_stopping() then
    for v_job in select * from trading.claim_entries(p_worker, p_limit - v_taken, v_lease, v_now, v_live >= c_entry) order by id loop
      v_jobs := v_jobs || trading.job_json(v_job);
    end loop;
  end if;
  return jsonb_build_object('jobs', v_jobs, 'is_attended', v_is_attended, 'due_in_ms', trading.due_in_ms(v_now), 'budget', (
    select jsonb_build_object('paper_jobs', s.invocation_paper_jobs, 'live_jobs', s.invocation_live_jobs, 'work_ms', s.invocation_ms,
      'listen_ms', s.listen_ms) from trading.settings s));
end
$$;
comment on function trading.claim_jobs is
  'Takes due jobs for a worker, with a lease and a fence each: {jobs: [{id, kind, fence, is_paper, ..}], is_attended, due_in_ms, budget}. FB401 bell_invalid, FB423 installation_not_armed, FB400 claim_invalid.';
grant execute on function trading.claim_jobs to service_role;

-- The job row as the first thing a command locks it by: only the holder of the newest fence may act.
create function trading.require_job(p_job_id bigint, p_fence bigint) returns trading.jobs
language plpgsql volatile set search_path = ''
as $$
declare
  v_job trading.jobs;
begin
  select * into v_job from trading.jobs where id = p_job_id for no key update;
  if not found then
    perform trading.raise_error('FB404', 'job_not_found', 'there is no such job', jsonb_build_object('job_id', p_job_id));
  end if;
  if v_job.status <> 'running' or v_job.fence <> p_fence then
    perform trading.raise_error('FB409', 'fence_lost', 'the lease of this job has passed to somebody else or it is finished',
      jsonb_build_object('job_id', p_job_id, 'status', v_job.status), 'Drop it; whoever holds it finishes it.');
  end if;
  return v_job;
end
$$;
comment on function trading.require_job is 'Locks a running job and returns it; FB404 job_not_found, FB409 fence_lost.';

-- Both write what the runner knows of the job besides its end: a follower in a batch was locked, but never marked running.
create function trading.finish_job(p_job trading.jobs, p_outcome jsonb) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.jobs set status = 'done', outcome = p_outcome, finished_at = clock_timestamp(), lease_until = null, last_error = null,
    worker = p_job.worker, fence = p_job.fence, attempts = p_job.attempts, started_at = p_job.started_at
  where id = p_job.id;
end
$$;
comment on function trading.finish_job is 'Marks a locked job done with its outcome.';

create function trading.retry_job(p_job trading.jobs, p_due_at timestamptz, p_error jsonb) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.jobs set status = 'queued', due_at = p_due_at, last_error = p_error, lease_until = null, worker = null,
    fence = p_job.fence, attempts = p_job.attempts, failures = p_job.failures, waits_since = p_job.waits_since, started_at = p_job.started_at
  where id = p_job.id;
end
$$;
comment on function trading.retry_job is 'Gives a locked job back to the queue until p_due_at, with the failures that it has by now, and since when it waits.';

reset role;
