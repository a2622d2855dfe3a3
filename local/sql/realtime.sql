-- The database side of the Realtime stand-in: what a hosted project has in schema `realtime`, and the
-- functions with which the local server asks Postgres who may see what. Safe to run again; comes after roles and
-- schemas. Daily partitions of realtime.messages are made by the server, as on the hosted platform: where none is
-- running, a send ends in a WARNING.

-- Messages ------------------------------------------------------------------------------------------------

create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default (now() at time zone 'utc'),
  inserted_at timestamp not null default (now() at time zone 'utc'),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  constraint messages_pkey primary key (id, inserted_at),
  constraint messages_payload_exclusive check (payload is null or binary_payload is null)
) partition by range (inserted_at);

comment on table realtime.messages is
  'Broadcasts from the database. Policies here decide who may join (select) or write to (insert) a private topic.';

create index if not exists messages_inserted_at_topic_index on realtime.messages (inserted_at desc, topic)
  where extension = 'broadcast' and private;

alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
grant all on realtime.messages to postgres;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;

do $$
begin
  -- Inserts only: dropping an old partition is no event. Published as the root, so that a new partition needs no
  -- attention from the reader of the log.
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime_messages_publication') then
    create publication supabase_realtime_messages_publication for table realtime.messages
      with (publish = 'insert', publish_via_partition_root = true);
  end if;
end;
$$;

create or replace function realtime.topic() returns text language sql stable as $$
  select nullif(current_setting('realtime.topic', true), '')
$$;
comment on function realtime.topic is 'The topic under authorisation, or of the last send in this transaction.';

-- A failed send must never fail the business transaction around it, hence the WARNING.
create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void language plpgsql as $$
declare
  v_id uuid := gen_random_uuid();
begin
  perform set_config('realtime.topic', send.topic, true);
  insert into realtime.messages (id, payload, event, topic, private, extension)
  values (
    v_id,
    case when send.payload ? 'id' then send.payload else jsonb_set(send.payload, '{id}', to_jsonb(v_id)) end,
    send.event, send.topic, send.private, 'broadcast'
  );
exception when others then
  raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;
comment on function realtime.send is
  'Broadcasts a JSON object when the transaction commits. Any error becomes a WARNING and the message is lost.';

create or replace function realtime.send_binary(payload bytea, event text, topic text, private boolean default true)
returns void language plpgsql as $$
begin
  perform set_config('realtime.topic', send_binary.topic, true);
  insert into realtime.messages (binary_payload, event, topic, private, extension)
  values (send_binary.payload, send_binary.event, send_binary.topic, send_binary.private, 'broadcast');
exception when others then
  raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;
comment on function realtime.send_binary is
  'Broadcasts bytes when the transaction commits. Any error becomes a WARNING and the message is lost.';

create or replace function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text,
  new record, old record, level text default 'ROW'
) returns void language plpgsql as $$
begin
  if level = 'STATEMENT' then
    raise exception 'function can only be triggered for each row, not for each statement';
  end if;
  if operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'unexpected operation type: %', operation;
  end if;
  perform realtime.send(
    jsonb_build_object('old_record', old, 'record', new, 'operation', operation, 'table', table_name,
                       'schema', table_schema), event_name, topic_name);
exception when others then
  raise exception 'Failed to process the row: %', sqlerrm;
end;
$$;
comment on function realtime.broadcast_changes is
  'For row triggers: broadcasts the old and the new record on a private topic. Unlike send, bad arguments raise.';

alter function realtime.topic owner to supabase_realtime_admin;
alter function realtime.send owner to supabase_realtime_admin;
alter function realtime.send_binary owner to supabase_realtime_admin;
alter function realtime.broadcast_changes owner to supabase_realtime_admin;

-- Questions of the server ---------------------------------------------------------------------------------
-- In a schema of their own, for the superuser alone, so that `realtime` stays as hosted. They switch to the caller's
-- role, so they cannot be SECURITY DEFINER, and keep the session's search_path, which policies' helpers may need.

drop schema if exists realtime_server cascade;
create schema realtime_server;

-- Takes on a caller for the rest of the (sub)transaction: role, claims and the topic under authorisation.
create function realtime_server.act_as(p_role text, p_claims jsonb, p_topic text default '')
returns void language plpgsql as $$
begin
  perform set_config('request.jwt.claims', p_claims::text, true);
  perform set_config('request.jwt.claim.sub', coalesce(p_claims ->> 'sub', ''), true);
  perform set_config('request.jwt.claim.role', p_role, true);
  perform set_config('realtime.topic', p_topic, true);
  perform set_config('role', p_role, true);
end;
$$;

-- Whether the select policies on realtime.messages show the caller a row of each extension on the topic.
create function realtime_server.probe_read(p_topic text, p_role text, p_claims jsonb, p_extensions text[])
returns boolean[] language plpgsql as $$
declare
  v_ids uuid[] := array(select gen_random_uuid() from unnest(p_extensions));
  v_allowed boolean[];
begin
  insert into realtime.messages (id, topic, extension)
  select probe.id, p_topic, probe.extension from unnest(v_ids, p_extensions) as probe (id, extension);
  perform realtime_server.act_as(p_role, p_claims, p_topic);
  v_allowed := array(
    select exists (select from realtime.messages where messages.id = probe.id)
    from unnest(v_ids) with ordinality as probe (id, place) order by probe.place);
  raise sqlstate 'RTUND';
exception when sqlstate 'RTUND' then
  return v_allowed; -- the probe rows are undone, the variables stay
end;
$$;

-- Whether the insert policies on realtime.messages let the caller write a row of the extension on the topic.
create function realtime_server.probe_write(p_topic text, p_role text, p_claims jsonb, p_extension text)
returns boolean language plpgsql as $$
begin
  perform realtime_server.act_as(p_role, p_claims, p_topic);
  insert into realtime.messages (topic, extension) values (p_topic, p_extension);
  raise sqlstate 'RTUND';
exception
  when sqlstate 'RTUND' then return true;
  when insufficient_privilege then return false;
end;
$$;

-- Row changes: a change of the log comes as {relation, schema, table, type, commit_timestamp,
-- columns: [{name, type}], record, old} with values in text form, a listener as {role, claims, filters, select}.

-- A row of text values as JSON by the types of its columns: numerics keep every digit, timestamps become ISO.
create function realtime_server.row_json(p_columns jsonb, p_row jsonb) returns jsonb language plpgsql as $$
declare
  v_cells text := (
    select string_agg(format('(%L, to_jsonb(%L::%s))', c.name, p_row ->> c.name, format_type(c.type, -1)), ', ')
    from jsonb_to_recordset(p_columns) as c (name text, type oid) where p_row ? c.name);
  v_row jsonb := '{}';
begin
  if v_cells is not null then
    execute 'select jsonb_object_agg(name, value) from (values ' || v_cells || ') as cell (name, value)' into v_row;
  end if;
  return v_row;
end;
$$;

-- One condition {column, op, value, negate} on a value in text form, compared as the column's type.
create function realtime_server.filter_matches(p_type oid, p_value text, p_filter jsonb)
returns boolean language plpgsql as $$
declare
  v_type text := format_type(p_type, -1);
  v_operand text := p_filter ->> 'value';
  v_operators jsonb := '{"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "like": "~~",
    "ilike": "~~*", "match": "~", "imatch": "~*", "isdistinct": "is distinct from"}';
  v_test text;
  v_matches boolean;
begin
  if p_filter ->> 'op' = 'in' then
    if cardinality(v_operand::text[]) > 100 then
      raise exception 'too many values for `in` filter. Maximum 100';
    end if;
    v_test := format('= any (%L::%s[])', v_operand, v_type);
  elsif p_filter ->> 'op' = 'is' then
    if v_operand not in ('null', 'true', 'false', 'unknown') then
      raise exception 'invalid value for is filter: must be null, true, false, or unknown';
    end if;
    v_test := 'is ' || v_operand;
  else
    v_test := format('%s %L::%s', v_operators ->> (p_filter ->> 'op'), v_operand, v_type);
  end if;
  execute format('select %L::%s %s', p_value, v_type, v_test) into v_matches;
  return coalesce(v_matches <> (p_filter ->> 'negate')::boolean, false);
end;
$$;

-- Whether the listener's filters and, except for DELETE, row level security let it see the change.
-- A column that the log did not carry, or that the role may not select, meets no filter.
create function realtime_server.is_visible(p_change jsonb, p_listener jsonb) returns boolean language plpgsql as $$
declare
  v_is_delete boolean := p_change ->> 'type' = 'DELETE';
  v_row jsonb := p_change -> case when v_is_delete then 'old' else 'record' end;
  v_query text;
  v_is_visible boolean;
begin
  select coalesce(bool_and(case when v_row ? c.name
    and has_column_privilege(p_listener ->> 'role', (p_change ->> 'relation')::oid, c.name, 'select')
    then realtime_server.filter_matches(c.type, v_row ->> c.name, f.filter) else false end), true)
  into v_is_visible
  from jsonb_array_elements(p_listener -> 'filters') as f (filter)
  left join jsonb_to_recordset(p_change -> 'columns') as c (name text, type oid) on c.name = f.filter ->> 'column';
  if not v_is_visible or v_is_delete or not (p_change ->> 'is_secured')::boolean then
    return v_is_visible;
  end if;
  select format('select exists (select from %I.%I where %s)', p_change ->> 'schema', p_change ->> 'table',
    string_agg(format('%I = %L::%s', c.name, v_row ->> c.name, format_type(c.type, -1)), ' and '))
  into v_query
  from jsonb_to_recordset(p_change -> 'columns') as c (name text, type oid) where p_change -> 'key' ? c.name;
  perform realtime_server.act_as(p_listener ->> 'role', p_listener -> 'claims');
  execute v_query into v_is_visible;
  perform set_config('role', 'none', true);
  return v_is_visible;
end;
$$;

-- The named columns of a row; of an oversized row only values of at most 64 bytes.
create function realtime_server.pick(p_row jsonb, p_columns text[], p_is_oversized boolean)
returns jsonb language sql immutable as $$
  select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_row)
  where key = any (p_columns) and (not p_is_oversized or octet_length(value::text) <= 64)
$$;

-- What a listener gets of a change it may see: the columns its role may select (and asked for). A DELETE from
-- a table with row level security shows the key alone, since the row can no longer be judged.
create function realtime_server.payload(p_change jsonb, p_listener jsonb) returns jsonb language plpgsql as $$
declare
  v_relation oid := (p_change ->> 'relation')::oid;
  v_is_oversized boolean := octet_length((p_change -> 'record')::text) > 1024 * 1024;
  v_columns text[];
  v_types jsonb;
  v_old jsonb;
begin
  select array_agg(a.attname), jsonb_agg(jsonb_build_object('name', a.attname, 'type', t.typname) order by a.attnum)
  into v_columns, v_types
  from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
  where a.attrelid = v_relation and a.attnum > 0
    and has_column_privilege(p_listener ->> 'role', v_relation, a.attnum, 'select')
    and (p_listener -> 'select' = 'null' or (p_listener -> 'select') || (p_change -> 'key') ? a.attname::text);
  v_old := realtime_server.pick(p_change -> 'old_row', v_columns, v_is_oversized);
  if p_change ->> 'type' = 'DELETE' and (p_change ->> 'is_secured')::boolean then
    v_old := realtime_server.pick(v_old, array(select jsonb_array_elements_text(p_change -> 'key')), false);
  end if;
  return jsonb_build_object(
      'schema', p_change -> 'schema', 'table', p_change -> 'table', 'type', p_change -> 'type',
      'commit_timestamp', p_change -> 'commit_timestamp', 'columns', v_types,
      'errors', case when v_is_oversized then '["Error 413: Payload Too Large"]'::jsonb end)
    || case when p_change ->> 'type' = 'INSERT' then '{}' else jsonb_build_object('old_record', v_old) end
    || case when p_change ->> 'type' = 'DELETE' then '{}' else jsonb_build_object(
      'record', realtime_server.pick(p_change -> 'row', v_columns, v_is_oversized)) end;
end;
$$;

-- What to send to a listener about a change; null when it is not to hear of it.
create function realtime_server.answer(p_change jsonb, p_listener jsonb) returns jsonb language plpgsql as $$
declare
  v_error text;
begin
  if p_change ->> 'type' <> 'DELETE' and p_change -> 'key' = '[]' then
    v_error := 'Error 400: Bad Request, no primary key';
  elsif p_change ->> 'type' <> 'DELETE' and not (
    select bool_and(has_column_privilege(p_listener ->> 'role', (p_change ->> 'relation')::oid, k.name, 'select'))
    from jsonb_array_elements_text(p_change -> 'key') as k (name)) then
    v_error := 'Error 401: Unauthorized';
  else
    begin
      return case when realtime_server.is_visible(p_change, p_listener)
        then realtime_server.payload(p_change, p_listener) end;
    exception when others then
      -- one listener's failing policy must cost the others nothing, and must not disclose the row
      raise warning 'WarnApplyingRls: %.%: %', p_change ->> 'schema', p_change ->> 'table', sqlerrm;
      v_error := 'Error 500: Internal Server Error, RLS policy evaluation failed';
    end;
  end if;
  return jsonb_build_object('schema', p_change -> 'schema', 'table', p_change -> 'table',
                            'type', p_change -> 'type', 'errors', jsonb_build_array(v_error));
end;
$$;

-- Judges one change for its listeners; a row per listener (its place in the list, from 0) that is to hear of it.
create function realtime_server.route_change(p_change jsonb) returns table (listener integer, data text)
language plpgsql as $$
declare
  v_change jsonb := p_change || jsonb_build_object(
    'row', realtime_server.row_json(p_change -> 'columns', p_change -> 'record'),
    'old_row', realtime_server.row_json(p_change -> 'columns', p_change -> 'old'),
    'is_secured', (select relrowsecurity from pg_catalog.pg_class where oid = (p_change ->> 'relation')::oid),
    'key', (
      select coalesce(jsonb_agg(a.attname), '[]')
      from pg_catalog.pg_constraint k
      join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
      where k.conrelid = (p_change ->> 'relation')::oid and k.contype = 'p'));
begin
  return query
    select (l.place - 1)::integer, answer::text
    from jsonb_array_elements(p_change -> 'listeners') with ordinality as l (listener, place),
      realtime_server.answer(v_change, l.listener) as answer
    where answer is not null;
end;
$$;

-- Whether any published table answers to the names; raises when a filter or a selected column cannot work.
create function realtime_server.check_subscription(
  p_schema text, p_table text, p_role text, p_filters jsonb, p_select text[]
) returns boolean language plpgsql as $$
declare
  v_relation regclass;
  v_column text;
  v_is_published boolean := false;
begin
  for v_relation in
    select format('%I.%I', schemaname, tablename)::regclass from pg_catalog.pg_publication_tables
    where pubname = 'supabase_realtime' and p_schema in (schemaname, '*') and p_table in (tablename, '*')
  loop
    v_is_published := true;
    foreach v_column in array array(select f ->> 'column' from jsonb_array_elements(p_filters) as f) || p_select loop
      if not coalesce((
        select has_column_privilege(p_role, v_relation, a.attnum, 'select') from pg_catalog.pg_attribute a
        where a.attrelid = v_relation and a.attname = v_column and a.attnum > 0), false) then
        raise exception 'invalid column for filter %', v_column;
      end if;
    end loop;
    -- a comparison with null proves the operator and the operand without a row
    perform realtime_server.filter_matches(a.atttypid, null, f.filter)
    from jsonb_array_elements(p_filters) as f (filter)
    join pg_catalog.pg_attribute a on a.attrelid = v_relation and a.attname = f.filter ->> 'column';
  end loop;
  return v_is_published;
end;
$$;

revoke execute on all functions in schema realtime_server from public;
