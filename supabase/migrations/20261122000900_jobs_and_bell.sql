-- Purpose: the outbox of work, the doorbell that announces it, claims with lease and fence, and the sweep.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.jobs (
  id             bigint generated always as identity primary key,
  kind           text not null check (kind in ('halt', 'exit', 'protect', 'cancel', 'sync', 'enter', 'manage')),
  priority       smallint not null generated always as (case kind when 'halt' then 0 when 'exit' then 1 when 'protect' then 2
                   when 'cancel' then 3 when 'sync' then 4 when 'enter' then 5 else 6 end) stored,
  key            text not null unique,
  portfolio_id   uuid not null,
  signal_id      uuid,
  position_id    uuid,
  order_id       uuid,
  payload        jsonb not null default '{}',
  is_paper       boolean not null,
  status         text not null default 'queued' check (status in ('queued', 'running', 'done', 'dead')),
  due_at         timestamptz not null,
  attempts       int not null default 0,
  fence          bigint not null default 0,
  worker         text,
  lease_until    timestamptz,
  outcome        jsonb,
  last_error     jsonb,
  enqueued_at    timestamptz not null default clock_timestamp(),
  started_at     timestamptz,
  finished_at    timestamptz,
  constraint jobs_lease_matches_status check ((status = 'running') = (lease_until is not null and worker is not null)),
  constraint jobs_finished_at_matches_status check ((status in ('done', 'dead')) = (finished_at is not null))
) with (fillfactor = 70);
comment on table  trading.jobs is 'The outbox: work queued in the commit that made it necessary. The row is the truth, the doorbell only a hint.';
comment on column trading.jobs.key is 'Names the command (decision, order, exit cause): the same key is queued once; with other content it is an error.';
comment on column trading.jobs.due_at is 'Engine time before which it must not run.';
comment on column trading.jobs.fence is 'Rises with every claim; a worker that lost its lease holds an old one and is refused.';
comment on column trading.jobs.lease_until is 'Wall clock; after it the job may be claimed again.';
create index jobs_due_idx on trading.jobs (priority, id) where status = 'queued' and kind <> 'enter';
create index jobs_queued_entries_idx on trading.jobs (portfolio_id, id) where status = 'queued' and kind = 'enter';
create index jobs_queued_entries_age_idx on trading.jobs (id) where status = 'queued' and kind = 'enter';
create index jobs_leases_idx on trading.jobs (lease_until) where status = 'running';
create index jobs_position_id_idx on trading.jobs (position_id) where status in ('queued', 'running');
create index jobs_finished_at_idx on trading.jobs (finished_at) where status = 'done';
-- User-wide limits are judged one entry at a time; a second one in planning would be write skew.
create unique index jobs_one_entry_per_portfolio on trading.jobs (portfolio_id) where status = 'running' and kind = 'enter';

alter table trading.jobs enable row level security;
create policy jobs_select_service on trading.jobs for select to service_role using (true);
revoke all on trading.jobs from public, anon, authenticated, service_role;
grant select on trading.jobs to service_role;

create function trading.enqueue_job(
  p_kind text, p_key text, p_portfolio_id uuid, p_is_paper boolean, p_due_at timestamptz, p_signal_id uuid default null,
  p_position_id uuid default null, p_order_id uuid default null, p_payload jsonb default '{}'
) returns bigint
language plpgsql volatile set search_path = ''
as $$
declare
  v_id       bigint;
  v_existing trading.jobs;
begin
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, signal_id, position_id, order_id, payload)
  values (p_kind, p_key, p_portfolio_id, p_is_paper, p_due_at, p_signal_id, p_position_id, p_order_id, p_payload)
  on conflict (key) do nothing
  returning id into v_id;
  if v_id is not null then
    return v_id;
  end if;
  select * into v_existing from trading.jobs where key = p_key;
  if v_existing.kind <> p_kind or v_existing.payload <> p_payload or v_existing.portfolio_id <> p_portfolio_id
    or v_existing.position_id is distinct from p_position_id or v_existing.order_id is distinct from p_order_id then
    perform trading.raise_error('FB409', 'job_key_conflict', 'this key was queued before with other content',
      jsonb_build_object('key', p_key, 'job_id', v_existing.id));
  end if;
  return v_existing.id;
end
$$;
comment on function trading.enqueue_job is 'Queues a job once per key and returns its id; FB409 job_key_conflict when the key stands for other content.';

reset role;

-- Owned by postgres, because only postgres and service_role may read Vault. The real secret is set by update_secret:
-- create_secret writes what it is given to heap and WAL in the clear first.
do $$
declare
  v_id uuid;
begin
  if not exists (select from vault.decrypted_secrets where name = 'fillbase_bell_secret') then
    v_id := vault.create_secret(encode(extensions.gen_random_bytes(32), 'hex'), 'fillbase_bell_secret', 'Signs the doorbell of the job queue.');
    perform vault.update_secret(v_id, encode(extensions.gen_random_bytes(32), 'hex'));
  end if;
end
$$;

create function trading.vault_text(p_name text) returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
  return (
    select s.decrypted_secret from vault.decrypted_secrets s
    where s.name = p_name and p_name in ('fillbase_bell_secret', 'project_url')
  );
end
$$;
comment on function trading.vault_text is 'One of the two Vault texts the queue itself needs: the bell secret and the project URL. No other secret can be read through it.';
revoke execute on function trading.vault_text(text) from public, anon, authenticated, service_role;
grant execute on function trading.vault_text(text) to fillbase_engine;

create function trading.publish(p_topic text, p_event text, p_payload jsonb) returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform realtime.send(p_payload, p_event, p_topic, true);
end
$$;
comment on function trading.publish is 'Sends one private broadcast when the transaction commits. Owned by postgres, who may write realtime.messages.';
revoke execute on function trading.publish(text, text, jsonb) from public, anon, authenticated, service_role;
grant execute on function trading.publish(text, text, jsonb) to fillbase_engine;

set role fillbase_engine;

-- The bell's credential says only "drain what is due": a timestamp and its HMAC, good for 60 s. No key travels with it,
-- because pg_net's request queue is readable by every role.
create function trading.bell_token(p_at timestamptz default clock_timestamp()) returns text
language plpgsql volatile security definer set search_path = ''
as $$
begin
  return (
    select t.ts || '.' || encode(extensions.hmac(t.ts, trading.vault_text('fillbase_bell_secret'), 'sha256'), 'hex')
    from (select floor(extract(epoch from p_at))::bigint::text as ts) t
  );
end
$$;
comment on function trading.bell_token is 'A doorbell credential "<unix seconds>.<hmac>", valid for 60 s.';
grant execute on function trading.bell_token to service_role;

create function trading.is_bell_valid(p_token text, p_at timestamptz default clock_timestamp()) returns boolean
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_ts text := substring(p_token from '^([0-9]{1,12})\.[0-9a-f]{64}$');
begin
  if v_ts is null or abs(extract(epoch from p_at) - v_ts::bigint) > 60 then
    return false;
  end if;
  -- Both sides are hashed again, so that the comparison tells nothing by its duration.
  return sha256(convert_to(p_token, 'UTF8'))
       = sha256(convert_to(trading.bell_token(to_timestamp(v_ts::bigint)), 'UTF8'));
end
$$;
comment on function trading.is_bell_valid is 'Whether p_token was made by bell_token within 60 s of p_at.';
grant execute on function trading.is_bell_valid to service_role;

-- POSTs a signed, empty request to one of our functions when the transaction commits.
create function trading.ring_function(p_function text) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_url text;
begin
  select coalesce(s.project_url, trading.vault_text('project_url')) into v_url from trading.settings s;
  if v_url is not null then
    perform net.http_post(
      url := rtrim(v_url, '/') || '/functions/v1/' || p_function,
      body := '{}'::jsonb,
      headers := jsonb_build_object('Content-Type', 'application/json', 'x-fillbase-bell', trading.bell_token()),
      timeout_milliseconds := 2000);
  end if;
exception when others then
  -- A bad URL must not abort the user's insert; the sweep finds the job.
  raise warning 'fillbase: the doorbell of % did not ring: %', p_function, sqlerrm;
end
$$;
comment on function trading.ring_function is 'One signed POST to an Edge Function of this project; every error becomes a warning.';

create function trading.ring_bell() returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_transaction text := pg_current_xact_id()::text;
begin
  if current_setting('trading.bell_rung_in', true) = v_transaction then
    return;
  end if;
  perform set_config('trading.bell_rung_in', v_transaction, true);
  perform pg_notify('fillbase_jobs', '');
  perform trading.ring_function('execute-trade');
end
$$;
comment on function trading.ring_bell is 'NOTIFY fillbase_jobs and one signed POST to execute-trade, at most once per transaction; never fails.';
grant execute on function trading.ring_bell to service_role;

create function trading.tg_jobs__ring_bell() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.ring_bell();
  return null;
end
$$;
create trigger jobs_900_ring_bell after insert on trading.jobs
  for each statement execute function trading.tg_jobs__ring_bell();

create function trading.arm_installation(p_url text, p_secret text, p_actor text, p_now timestamptz default null) returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if p_url !~ '^https?://' or length(p_secret) < 32 or coalesce(p_actor, '') = '' then
    perform trading.raise_error('FB400', 'installation_invalid', 'arming needs the project URL, a secret of 32 characters or more and who does it');
  end if;
  update trading.settings set installation_url = rtrim(p_url, '/'), armed_by = p_actor,
    installation_secret_sha256 = encode(sha256(convert_to(p_secret, 'UTF8')), 'hex'),
    armed_at = coalesce(p_now, trading.engine_now());
  perform trading.audit(coalesce(p_now, trading.engine_now()), 'installation_armed', null, null, 'installation', rtrim(p_url, '/'),
    jsonb_build_object('by', p_actor));
end
$$;
comment on function trading.arm_installation is
  'Binds the engine to one installation (its SUPABASE_URL and a secret in the functions'' environment). A database owner''s command, given after reconciliation; not callable over the API.';

-- A copy, a branch or a restored backup has another URL or secret: it must not trade until somebody has looked.
create function trading.require_installation(p_url text, p_secret text) returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_settings trading.settings;
begin
  select * into v_settings from trading.settings;
  if v_settings.armed_at is null or v_settings.installation_url is distinct from rtrim(p_url, '/')
    or v_settings.installation_secret_sha256 is distinct from encode(sha256(convert_to(coalesce(p_secret, ''), 'UTF8')), 'hex') then
    perform trading.raise_error('FB423', 'installation_not_armed', 'this engine is not armed for the caller''s installation',
      jsonb_build_object('armed', v_settings.armed_at is not null, 'url_matches', v_settings.installation_url is not distinct from rtrim(p_url, '/')),
      'After reconciliation run trading.arm_installation(url, secret, who) as the database owner, with the function''s SUPABASE_URL and FILLBASE_INSTALLATION_SECRET.');
  end if;
end
$$;
comment on function trading.require_installation is 'FB423 installation_not_armed unless the engine is armed for exactly this URL and secret.';

create function trading.job_json(p_job trading.jobs) returns jsonb
language sql stable
return jsonb_build_object('id', p_job.id, 'kind', p_job.kind, 'fence', p_job.fence, 'is_paper', p_job.is_paper,
    'portfolio_id', p_job.portfolio_id, 'signal_id', p_job.signal_id, 'position_id', p_job.position_id,
    'order_id', p_job.order_id, 'payload', p_job.payload, 'attempts', p_job.attempts);
comment on function trading.job_json is 'A job as a worker sees it.';

-- Only one entry of a portfolio runs at a time, so entries are claimed through their portfolio: the first free ones in
-- decision order, one each. SKIP LOCKED on the portfolio row keeps two claimers off the same portfolio.
create function trading.claim_entries(p_worker text, p_limit int, p_lease interval, p_now timestamptz) returns setof trading.jobs
language plpgsql volatile set search_path = ''
as $$
begin
  return query
    with waiting as materialized (
      select distinct w.portfolio_id from (
        select j.portfolio_id from trading.jobs j
        where j.status = 'queued' and j.kind = 'enter' and j.due_at <= p_now
        order by j.id limit 1000) w
    ), free_portfolios as (
      select p.id from trading.portfolios p join waiting w on w.portfolio_id = p.id
      where not exists (select from trading.jobs j where j.portfolio_id = p.id and j.status = 'running' and j.kind = 'enter')
      limit p_limit
      for no key update of p skip locked
    ), heads as (
      select h.id from free_portfolios f
      cross join lateral (
        select j.id from trading.jobs j
        where j.portfolio_id = f.id and j.status = 'queued' and j.kind = 'enter' and j.due_at <= p_now
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
comment on function trading.claim_entries is 'Claims the next due entry of up to p_limit portfolios in which none is running.';

create function trading.claim_others(p_worker text, p_limit int, p_lease interval, p_now timestamptz) returns setof trading.jobs
language plpgsql volatile set search_path = ''
as $$
begin
  return query
    with due as (
      select j.id from trading.jobs j
      where j.status = 'queued' and j.kind <> 'enter' and j.due_at <= p_now
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
comment on function trading.claim_others is 'Claims up to p_limit due jobs that are not entries, by priority, then age.';

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
begin
  if p_bell is not null and not trading.is_bell_valid(p_bell) then
    perform trading.raise_error('FB401', 'bell_invalid', 'the doorbell''s signature is wrong or older than 60 s');
  end if;
  perform trading.require_installation(p_url, p_secret);
  if coalesce(p_worker, '') = '' or p_limit not between 1 and 100 then
    perform trading.raise_error('FB400', 'claim_invalid', 'a claim names its worker and asks for 1 to 100 jobs');
  end if;
  select make_interval(secs => s.lease_ms / 1000.0) into v_lease from trading.settings s;

  for v_job in select * from trading.claim_others(p_worker, p_limit, v_lease, v_now) loop
    v_jobs := v_jobs || trading.job_json(v_job);
    v_taken := v_taken + 1;
  end loop;
  if v_taken < p_limit then
    for v_job in select * from trading.claim_entries(p_worker, p_limit - v_taken, v_lease, v_now) order by id loop
      v_jobs := v_jobs || trading.job_json(v_job);
    end loop;
  end if;
  return jsonb_build_object('jobs', v_jobs, 'is_attended', trading.is_attended(), 'budget', (
    select jsonb_build_object('paper_jobs', s.invocation_paper_jobs, 'live_jobs', s.invocation_live_jobs, 'work_ms', s.invocation_ms,
      'listen_ms', s.listen_ms) from trading.settings s));
end
$$;
comment on function trading.claim_jobs is
  'Takes due jobs for a worker, with a lease and a fence each: {jobs: [{id, kind, fence, is_paper, ..}], is_attended, budget}. FB401 bell_invalid, FB423 installation_not_armed, FB400 claim_invalid.';
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

create function trading.finish_job(p_job_id bigint, p_outcome jsonb) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.jobs set status = 'done', outcome = p_outcome, finished_at = clock_timestamp(), lease_until = null, last_error = null
  where id = p_job_id;
end
$$;
comment on function trading.finish_job is 'Marks a job done with its outcome.';

create function trading.retry_job(p_job_id bigint, p_due_at timestamptz, p_error jsonb) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.jobs set status = 'queued', due_at = p_due_at, last_error = p_error, lease_until = null, worker = null
  where id = p_job_id;
end
$$;
comment on function trading.retry_job is 'Gives a job back to the queue until p_due_at.';

reset role;
