-- Script of the stand-in extension pg_cron: the shapes and privileges of version 1.6, in SQL.
--
-- The scheduler is outside the database (pg_cron.ts). A change of cron.job reaches it by NOTIFY.

create schema cron;

create sequence cron.jobid_seq;
create sequence cron.runid_seq;

create table cron.job (
  jobid bigint primary key default nextval('cron.jobid_seq'),
  schedule text not null,
  command text not null,
  nodename text not null default 'localhost',
  nodeport int not null default inet_server_port(),
  database text not null default current_database(),
  username text not null default current_user,
  active boolean not null default true,
  jobname text,
  constraint jobname_username_uniq unique (jobname, username)
);
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);

create table cron.job_run_details (
  jobid bigint,
  runid bigint primary key default nextval('cron.runid_seq'),
  job_pid int,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamptz,
  end_time timestamptz
);
alter table cron.job_run_details enable row level security;
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);

create function cron.job_cache_invalidate() returns trigger language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('pg_cron', '');
  return null;
end;
$$;
create trigger cron_job_cache_invalidate
  after insert or update or delete or truncate on cron.job
  for each statement execute function cron.job_cache_invalidate();

-- The functions below write through this view, whose owner may write the table. So nobody else needs a privilege on
-- the table, and the check option keeps each caller to jobs that run under its own name.
create view cron._own_jobs as
  select jobid, schedule, command, database, username, active, jobname
  from cron.job
  where username = current_user
  with check option;

-- Schedules --------------------------------------------------------------------------------------------------------

-- The values that one field of a crontab line allows: '*', numbers, names, ranges, steps and lists. Null when malformed.
create function cron._parse_field(field text, low int, high int, names text[] default '{}') returns int[]
  language plpgsql immutable set search_path = ''
as $$
declare
  v_item text;
  v_match text[];
  v_bounds int[];
  v_values int[] := '{}';
begin
  foreach v_item in array string_to_array(lower(field), ',') loop
    v_match := regexp_match(v_item, '^(?:(\*)|(\d+|[a-z]+)(?:-(\d+|[a-z]+))?)(?:/(\d+))?$');
    if v_match is null or (v_match[4] is not null and v_match[1] is null and v_match[3] is null) then
      return null;
    end if;
    v_bounds := case
      when v_match[1] = '*' then array[low, high]
      else array[
        cron._parse_value(v_match[2], low, names),
        cron._parse_value(coalesce(v_match[3], v_match[2]), low, names)
      ]
    end;
    if v_bounds[1] is null or v_bounds[2] is null or v_bounds[1] < low or v_bounds[2] > high
      or v_bounds[1] > v_bounds[2] or v_match[4]::int = 0
    then
      return null;
    end if;
    v_values := v_values
      || array(select generate_series(v_bounds[1], v_bounds[2], coalesce(v_match[4]::int, 1)));
  end loop;
  return v_values;
end;
$$;

-- A number, or the position of a name counted from the field's lowest value. Null when it is neither.
create function cron._parse_value(value text, low int, names text[]) returns int
  language sql immutable set search_path = ''
as $$
  select case
    when value ~ '^\d{1,4}$' then value::int
    else array_position(names, substring(value for 3)) - 1 + low
  end
$$;

-- What the scheduler needs to know of a schedule; null when it is malformed. Times are UTC.
create function cron._parse_schedule(schedule text) returns jsonb
  language plpgsql immutable strict set search_path = ''
as $$
declare
  v_seconds text := substring(schedule from '(?i)^\s*([1-9]|[1-5][0-9])\s+seconds?\s*$');
  v_line text := case lower(trim(schedule))
    when '@yearly' then '0 0 1 1 *'
    when '@annually' then '0 0 1 1 *'
    when '@monthly' then '0 0 1 * *'
    when '@weekly' then '0 0 * * 0'
    when '@daily' then '0 0 * * *'
    when '@midnight' then '0 0 * * *'
    when '@hourly' then '0 * * * *'
    else trim(schedule)
  end;
  v_fields text[] := regexp_split_to_array(v_line, '\s+');
  v_parsed jsonb;
begin
  if v_seconds is not null then
    return jsonb_build_object('kind', 'interval', 'seconds', v_seconds::int);
  end if;
  if lower(v_line) = '@reboot' then
    return jsonb_build_object('kind', 'reboot');
  end if;
  if cardinality(v_fields) <> 5 then
    return null;
  end if;
  v_parsed := jsonb_build_object(
    'kind', 'calendar',
    'minutes', cron._parse_field(v_fields[1], 0, 59),
    'hours', cron._parse_field(v_fields[2], 0, 23),
    'days', case when v_fields[3] = '$' then '{}' else cron._parse_field(v_fields[3], 1, 31) end,
    'months', cron._parse_field(
      v_fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'
    ),
    'weekdays', cron._parse_field(v_fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}'),
    'isLastDay', v_fields[3] = '$',
    'isAnyDay', v_fields[3] like '*%',
    'isAnyWeekday', v_fields[5] like '*%'
  );
  return case when jsonb_path_exists(v_parsed, '$.* ? (@ == null)') then null else v_parsed end;
end;
$$;

create function cron._checked_schedule(schedule text) returns text language plpgsql immutable set search_path = '' as $$
begin
  if cron._parse_schedule(schedule) is null then
    raise exception 'invalid schedule: %', schedule
      using errcode = 'invalid_parameter_value',
        hint = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''';
  end if;
  return schedule;
end;
$$;

-- Functions of the extension ---------------------------------------------------------------------------------------

create function cron.schedule(job_name text, schedule text, command text) returns bigint
  language plpgsql set search_path = ''
as $$
declare
  v_id bigint;
begin
  if job_name is null then
    raise exception 'job_name can not be NULL' using errcode = 'null_value_not_allowed';
  end if;
  insert into cron._own_jobs as j (jobname, schedule, command)
  values (schedule.job_name, cron._checked_schedule(schedule.schedule), schedule.command)
  on conflict (jobname, username) do update set schedule = excluded.schedule, command = excluded.command
  returning j.jobid into v_id;
  return v_id;
end;
$$;
comment on function cron.schedule(text, text, text) is 'schedule a pg_cron job';

create function cron.schedule(schedule text, command text) returns bigint
  language plpgsql set search_path = ''
as $$
declare
  v_id bigint;
begin
  insert into cron._own_jobs as j (schedule, command)
  values (cron._checked_schedule(schedule.schedule), schedule.command)
  returning j.jobid into v_id;
  return v_id;
end;
$$;
comment on function cron.schedule(text, text) is 'schedule a pg_cron job';

create function cron._require_superuser(action text) returns void language plpgsql set search_path = '' as $$
begin
  if current_setting('is_superuser') = 'off' then
    raise exception 'must be superuser to %', action using errcode = 'insufficient_privilege';
  end if;
end;
$$;

create function cron.schedule_in_database(
  job_name text, schedule text, command text, database text, username text default null, active boolean default true
) returns bigint
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_id bigint;
begin
  if username is null or username = current_user then
    insert into cron._own_jobs as j (jobname, schedule, command, database, active)
    values (
      job_name, cron._checked_schedule(schedule_in_database.schedule), schedule_in_database.command,
      schedule_in_database.database, schedule_in_database.active
    )
    on conflict (jobname, username) do update
      set schedule = excluded.schedule, command = excluded.command, database = excluded.database,
        active = excluded.active
    returning j.jobid into v_id;
    return v_id;
  end if;
  perform cron._require_superuser('create a job for another role');
  insert into cron.job as j (jobname, schedule, command, database, active, username)
  values (
    job_name, cron._checked_schedule(schedule_in_database.schedule), schedule_in_database.command,
    schedule_in_database.database, schedule_in_database.active, schedule_in_database.username
  )
  on conflict (jobname, username) do update
    set schedule = excluded.schedule, command = excluded.command, database = excluded.database,
      active = excluded.active
  returning j.jobid into v_id;
  return v_id;
end;
$$;
comment on function cron.schedule_in_database(text, text, text, text, text, boolean) is 'schedule a pg_cron job';

create function cron.alter_job(
  job_id bigint, schedule text default null, command text default null, database text default null,
  username text default null, active boolean default null
) returns void
  language plpgsql set search_path = ''
as $$
begin
  if coalesce(alter_job.username, current_user) <> current_user then
    perform cron._require_superuser('alter the user of a job');
  end if;
  update cron._own_jobs j
  set
    schedule = cron._checked_schedule(coalesce(alter_job.schedule, j.schedule)),
    command = coalesce(alter_job.command, j.command),
    database = coalesce(alter_job.database, j.database),
    active = coalesce(alter_job.active, j.active)
  where j.jobid = job_id;
  if not found then
    raise exception 'Job % does not exist or you don''t own it', job_id using errcode = 'no_data_found';
  end if;
  if alter_job.username <> current_user then
    update cron.job j set username = alter_job.username where j.jobid = job_id;
  end if;
end;
$$;
comment on function cron.alter_job(bigint, text, text, text, text, boolean) is
  'Alter the job identified by job_id. Any option left as NULL will not be modified.';

create function cron.unschedule(job_id bigint) returns boolean language plpgsql set search_path = '' as $$
begin
  delete from cron._own_jobs j where j.jobid = job_id;
  if not found then
    raise exception 'could not find valid entry for job %', job_id using errcode = 'no_data_found';
  end if;
  return true;
end;
$$;
comment on function cron.unschedule(bigint) is 'unschedule a pg_cron job';

create function cron.unschedule(job_name text) returns boolean language plpgsql set search_path = '' as $$
begin
  delete from cron._own_jobs j where j.jobname = job_name;
  if not found then
    raise exception 'could not find valid entry for job ''%''', job_name using errcode = 'no_data_found';
  end if;
  return true;
end;
$$;
comment on function cron.unschedule(text) is 'unschedule a pg_cron job';

-- Nobody but postgres enters the schema; there each role would see its own jobs only.
grant usage on schema cron to postgres with grant option;
grant select on cron.job to public;
grant select, insert, update, delete on cron._own_jobs to public;
grant usage on sequence cron.jobid_seq to public;
grant select on cron.job_run_details to public;
grant select, insert, update, delete, truncate, references, maintain on cron.job_run_details
  to postgres with grant option;

-- A scheduler that started before the extension begins now.
select pg_catalog.pg_notify('pg_cron', '');
