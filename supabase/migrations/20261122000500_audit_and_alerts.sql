-- Purpose: the append-only audit log with its seals, and alerts.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table public.audit_log (
  id           bigint generated always as identity primary key,
  occurred_at  timestamptz not null,
  recorded_at  timestamptz not null default clock_timestamp(),
  transaction_id xid8 not null default pg_current_xact_id(),
  actor        text not null,
  action       text not null,
  user_id      uuid,
  trader_id    uuid,
  subject_type text not null,
  subject_id   text not null,
  detail       jsonb not null default '{}'
);
comment on table  public.audit_log is 'Every decision, check, transition, order and fill, written in the transaction that did it. Append-only and sealed.';
comment on column public.audit_log.occurred_at is 'Engine time (market time in a replay).';
comment on column public.audit_log.transaction_id is 'The transaction that wrote the row; seals cover ranges of finished transactions.';
create index audit_log_user_id_idx on public.audit_log (user_id, id);
create index audit_log_subject_id_idx on public.audit_log (subject_id);
create index audit_log_transaction_id_idx on public.audit_log (transaction_id);

create function trading.tg_audit_log__append_only() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform trading.raise_error('FB403', 'audit_append_only', 'rows of audit_log are never changed or removed',
    '{}', 'Write a new row that corrects the old one.');
  return null;
end
$$;
create trigger audit_log_100_append_only before update or delete on public.audit_log
  for each row execute function trading.tg_audit_log__append_only();
create trigger audit_log_110_no_truncate before truncate on public.audit_log
  for each statement execute function trading.tg_audit_log__append_only();

create function trading.actor() returns text
language sql stable
return coalesce(nullif(current_setting('trading.actor', true), ''), 'engine');
comment on function trading.actor is 'Who an audit row names: the setting trading.actor, else the engine.';

create function trading.audit(
  p_now timestamptz, p_action text, p_user_id uuid, p_trader_id uuid, p_subject_type text, p_subject_id text,
  p_detail jsonb default '{}'
) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into public.audit_log (occurred_at, actor, action, user_id, trader_id, subject_type, subject_id, detail)
  values (p_now, trading.actor(), p_action, p_user_id,
          p_trader_id, p_subject_type, p_subject_id, coalesce(p_detail, '{}'));
end
$$;
comment on function trading.audit is 'Appends one audit row; the actor is the setting trading.actor, else the engine.';

create table trading.audit_seals (
  id               bigint generated always as identity primary key,
  from_transaction xid8 not null,
  to_transaction   xid8 not null,
  row_count        bigint not null,
  hash             bytea not null,
  sealed_at        timestamptz not null default clock_timestamp(),
  constraint audit_seals_range_ordered check (from_transaction < to_transaction)
);
comment on table trading.audit_seals is
  'Each seal hashes the previous seal and every audit row of the transactions in [from, to): all finished when it was made, so the set can never grow.';

create function trading.audit_hash(p_previous bytea, p_from xid8, p_to xid8, out hash bytea, out row_count bigint)
-- A row's text shows its times in the session's time zone; the hash must be the same for everybody.
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
begin
  select sha256(coalesce(p_previous, ''::bytea) || convert_to(coalesce(string_agg(to_jsonb(a)::text, E'\n' order by a.id), ''), 'UTF8')),
         count(*)
  into hash, row_count
  from public.audit_log a
  where a.transaction_id >= p_from and a.transaction_id < p_to;
end
$$;
comment on function trading.audit_hash is 'Hash and number of the audit rows of a range of transactions, chained to the previous hash.';

create function trading.seal_audit() returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_last  trading.audit_seals;
  v_from  xid8;
  v_to    xid8 := pg_snapshot_xmin(pg_current_snapshot());
  v_seal  record;
begin
  perform pg_advisory_xact_lock(hashtextextended('audit_seal', 0));
  select * into v_last from trading.audit_seals order by id desc limit 1;
  v_from := coalesce(v_last.to_transaction, '0'::xid8);
  -- Transactions count from the start in a new cluster; silence would look like nothing to seal.
  if v_from > pg_snapshot_xmax(pg_current_snapshot()) then
    perform trading.raise_alert(clock_timestamp(), 'critical', 'audit_seal_stuck', null, 'audit_seals', v_last.id::text,
      'The newest seal is ahead of this server''s transactions, so nothing is sealed any more: was the database restored elsewhere?');
    return 0;
  end if;
  if v_to <= v_from or not exists (
    select from public.audit_log a where a.transaction_id >= v_from and a.transaction_id < v_to) then
    return 0;
  end if;
  select * into v_seal from trading.audit_hash(v_last.hash, v_from, v_to);
  insert into trading.audit_seals (from_transaction, to_transaction, row_count, hash)
  values (v_from, v_to, v_seal.row_count, v_seal.hash)
  returning * into v_last;
  perform trading.send_seal(v_last);
  return v_seal.row_count;
end
$$;
comment on function trading.seal_audit is
  'Seals the audit rows of transactions older than the oldest running one, and sends the seal outside; returns how many rows. Runs every 5 s.';

create function trading.verify_audit() returns table (seal_id bigint, expected_rows bigint, found_rows bigint, intact boolean)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_seal     trading.audit_seals;
  v_previous trading.audit_seals;
  v_found    record;
begin
  for v_seal in select * from trading.audit_seals order by id loop
    select * into v_found from trading.audit_hash(v_previous.hash, v_seal.from_transaction, v_seal.to_transaction);
    seal_id := v_seal.id;
    expected_rows := v_seal.row_count;
    found_rows := v_found.row_count;
    intact := v_found.hash = v_seal.hash
      and v_seal.from_transaction = coalesce(v_previous.to_transaction, '0'::xid8);
    return next;
    v_previous := v_seal;
  end loop;
end
$$;
comment on function trading.verify_audit is 'Recomputes every seal; a row with intact = false names the range that was tampered with.';

create table public.alerts (
  id           uuid primary key default gen_random_uuid(),
  user_id      uuid,
  severity     text not null check (severity in ('info', 'warning', 'critical', 'emergency')),
  code         text not null,
  subject_type text not null,
  subject_id   text not null,
  message      text not null,
  detail       jsonb not null default '{}',
  occurrences  int not null default 1,
  created_at   timestamptz not null,
  last_seen_at timestamptz not null,
  resolved_at  timestamptz,
  resolved_by  text,
  constraint alerts_resolution_whole check ((resolved_at is null) = (resolved_by is null))
);
comment on table public.alerts is 'What needs a look: severity, cause, subject and resolution. One open row per cause and subject.';
create unique index alerts_open_idx on public.alerts (code, subject_id) where resolved_at is null;
create index alerts_user_id_idx on public.alerts (user_id, created_at);

create function trading.raise_alert(
  p_now timestamptz, p_severity text, p_code text, p_user_id uuid, p_subject_type text, p_subject_id text, p_message text,
  p_detail jsonb default '{}'
) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into public.alerts (user_id, severity, code, subject_type, subject_id, message, detail, created_at, last_seen_at)
  values (p_user_id, p_severity, p_code, p_subject_type, p_subject_id, p_message, coalesce(p_detail, '{}'), p_now, p_now)
  on conflict (code, subject_id) where resolved_at is null
  do update set occurrences = public.alerts.occurrences + 1, last_seen_at = excluded.last_seen_at,
    severity = excluded.severity, message = excluded.message, detail = excluded.detail;
end
$$;
comment on function trading.raise_alert is 'Opens an alert, or counts another occurrence of the open one for the same cause and subject, which then says what the newest one is about, and how severe it is.';

alter table public.audit_log enable row level security;
alter table public.alerts enable row level security;
alter table trading.audit_seals enable row level security;
create policy audit_log_select_owner on public.audit_log for select to authenticated using (user_id = (select auth.uid()));
create policy alerts_select_owner on public.alerts for select to authenticated using (user_id = (select auth.uid()));
create policy audit_seals_select_service on trading.audit_seals for select to service_role using (true);
revoke all on public.audit_log, public.alerts, trading.audit_seals from public, anon, authenticated, service_role;
grant select on public.audit_log, public.alerts to authenticated, service_role;
grant select on trading.audit_seals to service_role;
grant execute on function trading.seal_audit, trading.verify_audit to service_role;

reset role;
