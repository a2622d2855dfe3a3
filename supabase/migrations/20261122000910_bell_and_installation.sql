-- Purpose: the doorbell that announces work, and the one installation the engine is armed for.
-- Locks:   none on existing tables.

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
    where s.name = p_name and p_name in ('fillbase_bell_secret', 'project_url', 'seal_sink_url')
  );
end
$$;
comment on function trading.vault_text is 'One of the Vault texts the engine itself needs: the bell secret, the project URL and the address for seals. No other secret can be read through it.';
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

alter table trading.settings add column functions_region text
  constraint settings_functions_region_named check (functions_region ~ '^[a-z]{2}-[a-z]+-[0-9]$');
comment on column trading.settings.functions_region is
  'Where the bell asks Supabase to run the functions, such as eu-central-1 (exchanges refuse some countries); null: nearest to the database.';

-- POSTs a signed, empty request to one of our functions when the transaction commits.
create function trading.ring_function(p_function text) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_url    text;
  v_region text;
begin
  select coalesce(s.project_url, trading.vault_text('project_url')), s.functions_region into v_url, v_region from trading.settings s;
  if v_url is not null then
    perform net.http_post(
      url := rtrim(v_url, '/') || '/functions/v1/' || p_function,
      body := '{}'::jsonb,
      headers := jsonb_strip_nulls(jsonb_build_object('Content-Type', 'application/json', 'x-fillbase-bell', trading.bell_token(),
        'x-region', v_region)),
      timeout_milliseconds := 2000);
  end if;
exception when others then
  -- A bad URL must not abort the user's insert; the sweep finds the job.
  raise warning 'fillbase: the doorbell of % did not ring: %', p_function, sqlerrm;
end
$$;
comment on function trading.ring_function is 'One signed POST to an Edge Function of this project; every error becomes a warning.';

-- Who could rewrite the log could rewrite its seals too, but not what somebody else keeps.
create function trading.send_seal(p_seal trading.audit_seals) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_url text := trading.vault_text('seal_sink_url');
begin
  if v_url is not null then
    perform net.http_post(
      url := v_url,
      body := jsonb_build_object('installation', (select s.installation_url from trading.settings s), 'seal_id', p_seal.id,
        'row_count', p_seal.row_count, 'hash', encode(p_seal.hash, 'hex'), 'sealed_at', p_seal.sealed_at),
      headers := '{"Content-Type": "application/json"}'::jsonb,
      timeout_milliseconds := 2000);
  end if;
exception when others then
  raise warning 'fillbase: seal % was not sent: %', p_seal.id, sqlerrm;
end
$$;
comment on function trading.send_seal is 'POSTs a seal to the Vault text seal_sink_url, where one is set; never fails. A seal names nothing of what it seals.';

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
  -- A statement that queued nothing, as most ticks do, must not cost a NOTIFY and a request.
  if exists (select from queued) then
    perform trading.ring_bell();
  end if;
  return null;
end
$$;
create trigger jobs_900_ring_bell after insert on trading.jobs
  referencing new table as queued for each statement execute function trading.tg_jobs__ring_bell();

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

reset role;
