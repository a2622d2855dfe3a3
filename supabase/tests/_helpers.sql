-- Loaded once into each database that pgTAP files run in. Everything lives in schema tests, which no
-- migration knows of, and every setting it makes is local to the transaction of the calling file.
-- The act_* functions change the role: call them with `select`, alone, and return with tests.act_as_owner().

create schema if not exists tests;
grant usage on schema tests to public;

create or replace function tests.user_id(p_name text) returns uuid
language sql immutable strict set search_path = ''
as $$ select md5('user of tests: ' || p_name)::uuid $$;
comment on function tests.user_id is 'The id that tests.create_user gives to the user of this name, in every run.';

create or replace function tests.create_user(p_name text, p_app_metadata jsonb default '{}') returns uuid
language sql set search_path = ''
as $$
  insert into auth.users (id, aud, role, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
  values (tests.user_id(p_name), 'authenticated', 'authenticated', p_name || '@example.test', now(), p_app_metadata, '{}', now(), now())
  returning id
$$;
comment on function tests.create_user is 'A confirmed user without a password. Fails when the name is taken.';

create or replace function tests.set_identity(p_role text, p_claims jsonb) returns void
language sql set search_path = ''
as $$
  select set_config('request.jwt.claims', coalesce(p_claims::text, ''), true), set_config('role', p_role, true)
$$;
comment on function tests.set_identity is 'What the Data API does before a request: the claims, then the role.';

create or replace function tests.act_as_user(p_name text, p_claims jsonb default '{}') returns void
language plpgsql set search_path = ''
as $$
begin
  perform set_config('role', 'none', true);
  perform tests.set_identity('authenticated', jsonb_build_object(
    'sub', tests.user_id(p_name), 'role', 'authenticated', 'aud', 'authenticated', 'email', p_name || '@example.test',
    'app_metadata', coalesce((select u.raw_app_meta_data::jsonb from auth.users u where u.id = tests.user_id(p_name)), '{}')
  ) || p_claims);
end
$$;
comment on function tests.act_as_user is 'From here on the session is a request of that user; p_claims adds to the token or replaces.';

create or replace function tests.act_as_anon() returns void
language sql set search_path = ''
as $$ select tests.set_identity('anon', jsonb_build_object('role', 'anon')) $$;
comment on function tests.act_as_anon is 'From here on the session is a request with the publishable key alone.';

create or replace function tests.act_as_service() returns void
language sql set search_path = ''
as $$ select tests.set_identity('service_role', jsonb_build_object('role', 'service_role')) $$;
comment on function tests.act_as_service is 'From here on the session is a request with the secret key, as the Edge Functions send it.';

create or replace function tests.act_as_owner() returns void
language sql set search_path = ''
as $$ select tests.set_identity('none', null) $$;
comment on function tests.act_as_owner is 'Back to the login role postgres, without claims.';

-- The two below keep the caller's search_path: pgTAP needs one, and the statement is the caller's.

create or replace function tests.raises(p_sql text, p_sqlstate text, p_code text, p_description text) returns text
language plpgsql
as $$
declare
  v_message text := 'nothing was raised';
  v_state   text := '00000';
begin
  begin
    execute p_sql;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
  end;
  return is(
    v_state || ' ' || case when v_message like p_code || ':%' then p_code else v_message end,
    p_sqlstate || ' ' || p_code,
    p_description);
end
$$;
comment on function tests.raises is 'Passes when the statement raises that SQLSTATE with a message that begins "p_code:". One assertion.';

create or replace function tests.touches_rows(p_sql text, p_count bigint, p_description text) returns text
language plpgsql
as $$
declare
  v_count bigint;
begin
  execute p_sql;
  get diagnostics v_count = row_count;
  return is(v_count, p_count, p_description);
end
$$;
comment on function tests.touches_rows is
  'Runs the statement and compares how many rows it read or changed: 0 is what row security makes of foreign rows. One assertion.';

grant execute on all functions in schema tests to public;
