-- Script of the stand-in extension supabase_vault: the shapes and privileges of version 0.3.1, in SQL.
--
-- Encryption is deterministic and authenticated, as the original's: a SHA-512 HMAC over nonce, id and plaintext is
-- both the tag and, cut to a block, the initialisation vector of AES-256-CBC. The root key is a file beside the
-- database directory. It is in no table, no setting, no dump and no base backup, and only a function that nobody but
-- the owner may call reads it.

create function vault._root_key() returns bytea
  language sql volatile strict security definer set search_path = ''
  return decode(pg_catalog.pg_read_file('../vault.key'), 'hex');

create function vault._derived_key(purpose text, key_id bigint, context bytea) returns bytea
  language sql volatile strict security definer set search_path = ''
  return extensions.hmac(
    convert_to(purpose, 'UTF8') || int8send(key_id) || context, vault._root_key(), 'sha256'
  );

create function vault._authentication_tag(message bytea, additional bytea, nonce bytea, mac_key bytea) returns bytea
  language sql immutable set search_path = ''
  return substring(
    extensions.hmac(
      int8send(coalesce(length(additional), 0)) || coalesce(additional, '')
        || int8send(coalesce(length(nonce), 0)) || coalesce(nonce, '') || message,
      mac_key, 'sha512'
    ) for 32
  );

create function vault._crypto_aead_det_noncegen() returns bytea
  language sql volatile security definer set search_path = ''
  return extensions.gen_random_bytes(16);

create function vault._crypto_aead_det_encrypt(
  message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium', nonce bytea default null
) returns bytea
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_tag bytea := vault._authentication_tag(
    message, additional, nonce, vault._derived_key('authenticate', key_id, context)
  );
begin
  return v_tag || extensions.encrypt_iv(
    message, vault._derived_key('encrypt', key_id, context), substring(v_tag for 16), 'aes-cbc/pad:pkcs'
  );
end;
$$;

create function vault._crypto_aead_det_decrypt(
  message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium', nonce bytea default null
) returns bytea
  language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_tag bytea := substring(message for 32);
  v_plain bytea;
begin
  v_plain := extensions.decrypt_iv(
    substring(message from 33), vault._derived_key('encrypt', key_id, context), substring(v_tag for 16),
    'aes-cbc/pad:pkcs'
  );
  if v_tag is distinct from vault._authentication_tag(
    v_plain, additional, nonce, vault._derived_key('authenticate', key_id, context)
  ) then
    raise exception 'invalid ciphertext' using errcode = 'data_exception';
  end if;
  return v_plain;
end;
$$;

create table vault.secrets (
  id uuid primary key default gen_random_uuid(),
  name text,
  description text not null default '',
  secret text not null,
  key_id uuid,
  nonce bytea default vault._crypto_aead_det_noncegen(),
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp
);
create unique index secrets_name_idx on vault.secrets (name) where name is not null;
comment on table vault.secrets is 'Table with encrypted `secret` column for storing sensitive information on disk.';

create view vault.decrypted_secrets as
  select
    s.id,
    s.name,
    s.description,
    s.secret,
    convert_from(
      vault._crypto_aead_det_decrypt(
        message => decode(s.secret, 'base64'),
        additional => convert_to(s.id::text, 'utf8'),
        key_id => 0,
        context => 'pgsodium'::bytea,
        nonce => s.nonce
      ),
      'utf8'
    ) collate "C" as decrypted_secret,
    s.key_id,
    s.nonce,
    s.created_at,
    s.updated_at
  from vault.secrets s;

-- Unlike the original, the row is encrypted before it is first written, so no page and no WAL record holds the plaintext.
create function vault.create_secret(
  new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null
) returns uuid
  language plpgsql security definer set search_path = ''
as $$
declare
  v_id uuid := gen_random_uuid();
  v_nonce bytea := vault._crypto_aead_det_noncegen();
begin
  insert into vault.secrets (id, name, description, nonce, secret)
  values (
    v_id, new_name, new_description, v_nonce,
    encode(
      vault._crypto_aead_det_encrypt(
        message => convert_to(new_secret, 'utf8'),
        additional => convert_to(v_id::text, 'utf8'),
        key_id => 0,
        context => 'pgsodium'::bytea,
        nonce => v_nonce
      ),
      'base64'
    )
  );
  return v_id;
end;
$$;

create function vault.update_secret(
  secret_id uuid, new_secret text default null, new_name text default null, new_description text default null,
  new_key_id uuid default null
) returns void
  language plpgsql security definer set search_path = ''
as $$
begin
  update vault.secrets s
  set
    secret = case
      when new_secret is null then s.secret
      else encode(
        vault._crypto_aead_det_encrypt(
          message => convert_to(new_secret, 'utf8'),
          additional => convert_to(s.id::text, 'utf8'),
          key_id => 0,
          context => 'pgsodium'::bytea,
          nonce => s.nonce
        ),
        'base64'
      )
    end,
    name = coalesce(new_name, s.name),
    description = coalesce(new_description, s.description),
    updated_at = now()
  where s.id = secret_id;
end;
$$;

revoke all on schema vault from public;
revoke all on all tables in schema vault from public;
revoke all on all functions in schema vault from public;

grant usage on schema vault to postgres with grant option;
grant select, delete on vault.secrets, vault.decrypted_secrets to postgres with grant option;
grant execute on function vault.create_secret, vault.update_secret, vault._crypto_aead_det_decrypt
  to postgres with grant option;

grant usage on schema vault to service_role;
grant select, delete on vault.secrets, vault.decrypted_secrets to service_role;
grant execute on function vault.create_secret, vault.update_secret, vault._crypto_aead_det_decrypt to service_role;
