-- Purpose: the outbox of work, queued in the commit that makes it necessary.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.jobs (
  id             bigint generated always as identity primary key,
  kind           text not null check (kind in ('halt', 'exit', 'protect', 'cancel', 'sync', 'enter', 'manage')),
  priority       smallint not null generated always as (case when kind = 'halt' then 0
                   when kind = 'cancel' and payload ->> 'reason' = 'trading_stopped' then 0
                   when kind = 'exit' then 1 when kind = 'protect' then 2 when kind = 'cancel' then 3 when kind = 'sync' then 4
                   when kind = 'enter' then 5 else 6 end) stored,
  key            text not null unique,
  portfolio_id   uuid,
  signal_id      uuid,
  position_id    uuid,
  order_id       uuid,
  payload        jsonb not null default '{}',
  is_paper       boolean not null,
  status         text not null default 'queued' check (status in ('queued', 'running', 'done', 'dead')),
  due_at         timestamptz not null,
  attempts       int not null default 0,
  failures       int not null default 0,
  waits_since    timestamptz,
  resumptions    int not null default 0,
  fence          bigint not null default 0,
  worker         text,
  lease_until    timestamptz,
  outcome        jsonb,
  last_error     jsonb,
  enqueued_at    timestamptz not null default clock_timestamp(),
  started_at     timestamptz,
  finished_at    timestamptz,
  constraint jobs_portfolio_known check (portfolio_id is not null or kind = 'halt'),
  constraint jobs_lease_matches_status check ((status = 'running') = (lease_until is not null and worker is not null)),
  constraint jobs_finished_at_matches_status check ((status in ('done', 'dead')) = (finished_at is not null))
) with (fillfactor = 70);
comment on table  trading.jobs is 'The outbox: work queued in the commit that made it necessary. The row is the truth, the doorbell only a hint.';
comment on column trading.jobs.key is 'Names the command (decision, order, exit cause): the same key is queued once; with other content it is an error.';
comment on column trading.jobs.priority is 'The order in which due jobs are claimed. The cancels of a stop go with it, before all exits: its first work is that no entry is in flight.';
comment on column trading.jobs.portfolio_id is 'Whose work it is; null for the halt of more than one portfolio.';
comment on column trading.jobs.due_at is 'Engine time before which it must not run.';
comment on column trading.jobs.failures is 'How many of its attempts failed, by which it backs off; whoever only waited for time, budget or somebody else''s call has not failed.';
comment on column trading.jobs.waits_since is 'Engine time of the first try that did not end it, whatever it waited for; null: it was not tried, or needed one try.';
comment on column trading.jobs.resumptions is 'How often it was given back to wait, for request budget mostly, and went on within the same attempt.';
comment on column trading.jobs.fence is 'Rises with every claim; a worker that lost its lease holds an old one and is refused.';
comment on column trading.jobs.lease_until is 'Wall clock; after it the job may be claimed again.';
create index jobs_due_idx on trading.jobs (priority, id) where status = 'queued' and kind <> 'enter';
create index jobs_queued_entries_idx on trading.jobs (portfolio_id, id) where status = 'queued' and kind = 'enter';
create index jobs_queued_entries_age_idx on trading.jobs (id) where status = 'queued' and kind = 'enter';
create index jobs_leases_idx on trading.jobs (lease_until) where status = 'running';
create index jobs_position_id_idx on trading.jobs (position_id) where status in ('queued', 'running');
-- What a stop has queued for a position before is looked for among those that are over, too.
create index jobs_ends_idx on trading.jobs (position_id) where kind in ('exit', 'cancel');
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
  -- How far it got is not what was asked for.
  if v_existing.kind <> p_kind or v_existing.payload - 'sold' <> p_payload or v_existing.portfolio_id is distinct from p_portfolio_id
    or v_existing.position_id is distinct from p_position_id or v_existing.order_id is distinct from p_order_id then
    perform trading.raise_error('FB409', 'job_key_conflict', 'this key was queued before with other content',
      jsonb_build_object('key', p_key, 'job_id', v_existing.id));
  end if;
  return v_existing.id;
end
$$;
comment on function trading.enqueue_job is 'Queues a job once per key and returns its id; FB409 job_key_conflict when the key stands for other content.';

reset role;
