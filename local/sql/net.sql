-- Script of the stand-in extension pg_net: the shapes and privileges of version 0.20.4, in SQL.
--
-- The worker is outside the database (pg_net.ts). A request wakes it by NOTIFY, which PostgreSQL delivers on commit only
-- and drops with a rolled-back savepoint: the moment at which the original wakes its worker. Both tables are unlogged,
-- so a crash of the server empties them and restarts the ids, as it does to the original's.

create schema net;

create domain net.http_method as text check (lower(value) in ('get', 'post', 'delete'));

create unlogged table net.http_request_queue (
  id bigserial,
  method net.http_method not null,
  url text not null,
  headers jsonb,
  body bytea,
  timeout_milliseconds int not null
);

create unlogged table net._http_response (
  id bigint,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out bool,
  error_msg text,
  created timestamptz not null default now()
);
create index on net._http_response (created);

create type net.request_status as enum ('PENDING', 'SUCCESS', 'ERROR');
create type net.http_response as (status_code integer, headers jsonb, body text);
create type net.http_response_result as (status net.request_status, message text, response net.http_response);

create function net.wake() returns void language sql volatile as $$
  select pg_catalog.pg_notify('pg_net', '')
$$;
comment on function net.wake() is 'Tells the worker, when the transaction commits, that requests wait.';

create function net.check_worker_is_up() returns void language plpgsql as $$
begin
  if not exists (select from pg_catalog.pg_stat_activity where application_name like 'pg_net %') then
    raise exception 'the pg_net background worker is not up'
      using hint = 'The local platform runs it; start the platform.';
  end if;
end;
$$;

create function net.wait_until_running() returns void language plpgsql as $$
begin
  while not exists (select from pg_catalog.pg_stat_activity where application_name like 'pg_net %') loop
    perform pg_catalog.pg_sleep(0.05);
    perform pg_catalog.pg_stat_clear_snapshot();
  end loop;
end;
$$;

create function net.worker_restart() returns bool language sql volatile as $$
  select pg_catalog.pg_notify('pg_net', 'restart') is not null
$$;

create function net._urlencode_string(string varchar) returns text language sql immutable strict as $$
  select coalesce(string_agg(
    case
      when chr(byte) ~ '[A-Za-z0-9._~-]' then chr(byte)
      else '%' || upper(lpad(to_hex(byte), 2, '0'))
    end, '' order by position), '')
  from (
    select position, get_byte(convert_to(string, 'UTF8'), position) as byte
    from generate_series(0, octet_length(convert_to(string, 'UTF8')) - 1) as position
  ) as bytes
$$;

create function net._encode_url_with_params_array(url text, params_array text[]) returns text
  language plpgsql immutable strict
as $$
declare
  v_parts text[] := regexp_match(url, '^([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$');
  v_problem text;
  v_query text;
begin
  v_problem := case
    when url ~ '[\x01-\x20\x7f]' then 'Malformed input to a URL function'
    when v_parts is null then 'Bad scheme'
    when lower(v_parts[1]) not in ('http', 'https', 'ftp', 'ftps', 'file') then 'Unsupported URL scheme'
    when v_parts[2] = '' and lower(v_parts[1]) <> 'file' then 'No host part in the URL'
    when v_parts[2] ~ ':[0-9]*[^]0-9:][^]]*$' and v_parts[2] !~ '@'
      then 'Port number was not a decimal number between 0 and 65535'
  end;
  if v_problem is not null then
    raise exception 'invalid URL "%": %', url, v_problem using errcode = 'internal_error';
  end if;
  v_query := array_to_string(array_remove(v_parts[4] || params_array, null), '&');
  return lower(v_parts[1]) || '://' || v_parts[2]
    || case when v_parts[3] = '' then '/' else v_parts[3] end
    || case when v_query = '' then '' else '?' || v_query end
    || coalesce(v_parts[5], '');
end;
$$;

create function net._enqueue(
  method text, url text, params jsonb, headers jsonb, body jsonb, timeout_milliseconds int
) returns bigint
  language plpgsql
as $$
declare
  v_params text[];
  v_id bigint;
begin
  select coalesce(array_agg(net._urlencode_string(key) || '=' || net._urlencode_string(value)), '{}')
  into v_params
  from jsonb_each_text(params);

  insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  values (
    _enqueue.method, net._encode_url_with_params_array(_enqueue.url, v_params), _enqueue.headers,
    convert_to(_enqueue.body::text, 'UTF8'), _enqueue.timeout_milliseconds
  )
  returning id into v_id;
  perform net.wake();
  return v_id;
end;
$$;

create function net.http_get(
  url text, params jsonb default '{}'::jsonb, headers jsonb default '{}'::jsonb, timeout_milliseconds int default 5000
) returns bigint
  language plpgsql
as $$
begin
  return net._enqueue('GET', url, params, headers, null, timeout_milliseconds);
end;
$$;

create function net.http_post(
  url text, body jsonb default '{}'::jsonb, params jsonb default '{}'::jsonb,
  headers jsonb default '{"Content-Type": "application/json"}'::jsonb, timeout_milliseconds int default 5000
) returns bigint
  language plpgsql
as $$
declare
  v_content_type text := (
    select value from jsonb_each_text(coalesce(headers, '{}')) where lower(key) = 'content-type' limit 1
  );
begin
  if v_content_type <> 'application/json' then
    raise exception 'Content-Type header must be "application/json"';
  end if;
  return net._enqueue(
    'POST', url, params,
    case when v_content_type is null then headers || '{"Content-Type": "application/json"}'::jsonb else headers end,
    body, timeout_milliseconds
  );
end;
$$;

create function net.http_delete(
  url text, params jsonb default '{}'::jsonb, headers jsonb default '{}'::jsonb, timeout_milliseconds int default 5000,
  body jsonb default null
) returns bigint
  language plpgsql
as $$
begin
  return net._enqueue('DELETE', url, params, headers, body, timeout_milliseconds);
end;
$$;

create function net._await_response(request_id bigint) returns bool language plpgsql as $$
begin
  while not exists (select from net._http_response where id = request_id) loop
    perform pg_catalog.pg_sleep(0.05);
  end loop;
  return true;
end;
$$;

create function net._http_collect_response(request_id bigint, async bool default true)
  returns net.http_response_result
  language plpgsql
as $$
declare
  v_response net._http_response;
begin
  if not async then
    perform net._await_response(request_id);
  end if;
  select * into v_response from net._http_response where id = request_id;
  if not found or v_response.error_msg is not null then
    return row('ERROR', coalesce(v_response.error_msg, 'request matching request_id not found'), null);
  end if;
  return row(
    'SUCCESS', 'ok', row(v_response.status_code, v_response.headers, v_response.content)::net.http_response
  );
end;
$$;

-- The original of this deprecated function fails on every call, so nothing can depend on an answer.
create function net.http_collect_response(request_id bigint, async bool default true)
  returns net.http_response_result
  language plpgsql
as $$
begin
  raise exception 'query has no destination for result data' using errcode = 'syntax_error';
end;
$$;

-- As wide as the original's: every role may enqueue, read answers and delete. Never expose this schema.
grant usage on schema net to public;
grant all on all sequences in schema net to public;
grant all on all tables in schema net to public;

-- A worker that started before the extension begins now.
select net.wake();
