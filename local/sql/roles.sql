-- The roles of a hosted project, with their attributes, memberships and settings. Safe to run again.
-- The role postgres is deliberately no superuser: a migration that needs more fails here as it would there.

do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'postgres', 'anon', 'authenticated', 'service_role', 'authenticator', 'dashboard_user',
    'supabase_auth_admin', 'supabase_storage_admin', 'supabase_realtime_admin', 'supabase_functions_admin',
    'supabase_read_only_user', 'supabase_replication_admin', 'supabase_etl_admin', 'pgbouncer'
  ] loop
    if to_regrole(v_role) is null then
      execute format('create role %I', v_role);
    end if;
  end loop;
end;
$$;

alter role postgres with login nosuperuser createdb createrole replication bypassrls;
alter role anon with nologin inherit;
alter role authenticated with nologin inherit;
alter role service_role with nologin inherit bypassrls;
alter role authenticator with login noinherit;
alter role dashboard_user with nologin createdb createrole replication;
alter role supabase_auth_admin with login noinherit nocreaterole;
alter role supabase_storage_admin with login noinherit createrole;
alter role supabase_realtime_admin with nologin noinherit;
alter role supabase_functions_admin with login noinherit createrole;
alter role supabase_read_only_user with login bypassrls;
alter role supabase_replication_admin with login replication;
alter role supabase_etl_admin with login replication;
alter role pgbouncer with login;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant authenticator to supabase_storage_admin;
grant pg_monitor, pg_read_all_data, pg_signal_backend, pg_create_subscription to postgres;
grant pg_read_all_data to supabase_read_only_user;

-- Hosted, an extension lets postgres write policies on realtime.messages without owning it. Membership in the owning
-- role is the nearest plain PostgreSQL has.
grant supabase_realtime_admin to postgres;

-- Likewise for the settings that postgres may change for a session or a role.
grant set on parameter log_statement, log_min_duration_statement, log_parameter_max_length, session_replication_role
  to postgres;

alter role supabase_admin set search_path to "$user", public, auth, extensions;
alter role supabase_admin set log_statement to none;
alter role postgres set search_path to "$user", public, extensions;
alter role anon set statement_timeout to '3s';
alter role authenticated set statement_timeout to '8s';
alter role authenticator set statement_timeout to '8s';
alter role authenticator set lock_timeout to '8s';
alter role supabase_auth_admin set search_path to auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout to '60s';
alter role supabase_auth_admin set log_statement to none;
alter role supabase_storage_admin set search_path to storage;
alter role supabase_storage_admin set log_statement to none;
alter role supabase_realtime_admin set search_path to realtime;
