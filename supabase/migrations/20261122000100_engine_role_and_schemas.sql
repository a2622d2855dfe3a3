-- Purpose: the role that owns the engine, its schema, the extensions it needs and the number domains of money.
-- Locks:   none on existing tables.

-- The engine's tables and commands belong to a role nobody can log in as. service_role may run commands but has no DML,
-- so another function of the same project, which holds the same key, cannot forge a fill.
do $$
begin
  if not exists (select from pg_roles where rolname = 'fillbase_engine') then
    create role fillbase_engine nologin bypassrls;
  end if;
end
$$;
comment on role fillbase_engine is 'Owns the trading engine: schema trading, the money tables in public and every engine command.';

-- Since Postgres 16 the creator of a role may administer it but is not a member; migrations create objects as the engine.
grant fillbase_engine to postgres with set true, inherit true;

create schema if not exists trading authorization fillbase_engine;
comment on schema trading is 'The engine. Nothing here is executable or readable by users; public is the contract with frontends.';
create schema if not exists legacy;
comment on schema legacy is 'Tables of an earlier, unused design, moved aside whole. Nothing reads them.';
revoke all on schema legacy from public;
revoke all on schema trading from public;
grant usage on schema trading to service_role;
grant usage, create on schema public to fillbase_engine;
grant usage on schema extensions to fillbase_engine;
-- postgres may use schema auth but not grant it; anon has the usage that the engine's policies and commands need for auth.uid().
grant anon to fillbase_engine;

create extension if not exists pgcrypto with schema extensions;
create extension if not exists pg_net with schema extensions;
create extension if not exists pg_cron;
create extension if not exists supabase_vault with schema vault;

-- Without this a new function would be executable by PUBLIC, that is by anonymous callers.
alter default privileges for role fillbase_engine revoke execute on functions from public;
alter default privileges for role fillbase_engine revoke usage on types from public;

set role fillbase_engine;

-- In Postgres 'NaN' > 0 is true and numeric accepts Infinity, so each domain names both.
create domain trading.price as numeric
  constraint price_positive_finite check (value > 0 and value <> 'NaN' and value < 'Infinity')
  constraint price_scale_18 check (scale(value) <= 18);
comment on domain trading.price is 'A price in the quote asset for one unit of the base asset: positive, finite, at most 18 decimals.';

create domain trading.quantity as numeric
  constraint quantity_not_negative_finite check (value >= 0 and value <> 'NaN' and value < 'Infinity')
  constraint quantity_scale_18 check (scale(value) <= 18);
comment on domain trading.quantity is 'An amount of the base asset as an exchange counts it: not negative, finite, at most 18 decimals.';

create domain trading.amount as numeric
  constraint amount_finite check (value <> 'NaN' and value < 'Infinity' and value > '-Infinity')
  constraint amount_scale_38 check (scale(value) <= 38);
comment on domain trading.amount is 'A derived sum of money, signed: finite, at most 38 decimals, rounded only where a division forces it.';

-- Every error a caller can meet: a stable code first, words after it, the context as JSON in DETAIL, a way forward in HINT.
-- Classes: FB400 bad input, FB401 bad credential, FB403 not allowed, FB404 not found, FB409 conflict, FB423 halted, FB500 broken invariant.
create function trading.raise_error(
  p_sqlstate text, p_code text, p_message text, p_context jsonb default '{}', p_hint text default ''
) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  raise exception using
    errcode = p_sqlstate,
    message = p_code || ': ' || p_message,
    detail  = (jsonb_build_object('code', p_code) || p_context)::text,
    hint    = p_hint;
end
$$;
comment on function trading.raise_error is 'Raises SQLSTATE p_sqlstate with "<code>: <message>", DETAIL as JSON and HINT. Never returns.';

-- Ids are hashes of what they stand for, so the same command gives the same id in every worker and every run.
create function trading.derived_id(variadic p_parts text[]) returns uuid
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  return (
    select md5(array_to_string(p_parts, '|'))::uuid
  );
end
$$;
comment on function trading.derived_id is 'A uuid that is a hash of its parts: the same parts always name the same thing.';

-- A number in [0, 1) with 48 bits, from a text seed; md5 because it gives the same digits on every platform and version.
create function trading.seeded_unit(p_seed text) returns numeric
language sql immutable parallel safe
return (('x' || left(md5(p_seed), 12))::bit(48)::bigint)::numeric / 281474976710656;
comment on function trading.seeded_unit is 'A reproducible number in [0, 1) drawn from a text seed.';

-- Postgres rounds halves away from zero; accounting here rounds them to even, and the quotient must not be rounded twice.
create function trading.divide_half_even(p_dividend numeric, p_divisor numeric, p_scale int default 18) returns numeric
language plpgsql immutable strict parallel safe set search_path = ''
as $$
declare
  v_scaled    numeric := abs(p_dividend) * power(10::numeric, p_scale);
  v_divisor   numeric := abs(p_divisor);
  v_quotient  numeric := div(v_scaled, v_divisor);
  v_twice     numeric := 2 * (v_scaled - v_quotient * v_divisor);
begin
  if v_twice > v_divisor or (v_twice = v_divisor and mod(v_quotient, 2) = 1) then
    v_quotient := v_quotient + 1;
  end if;
  -- Multiplied, because a numeric division would round a second time, to about 20 significant digits.
  return trim_scale(sign(p_dividend) * sign(p_divisor) * v_quotient * ('1e-' || p_scale)::numeric);
end
$$;
comment on function trading.divide_half_even is 'p_dividend / p_divisor rounded half to even at p_scale decimals, exact before the rounding.';

create function trading.floor_to_step(p_value numeric, p_step numeric) returns numeric
language sql immutable parallel safe
return trim_scale(case when p_step > 0 then div(p_value, p_step) * p_step else p_value end);
comment on function trading.floor_to_step is 'The largest multiple of p_step not above p_value (p_value >= 0); a step of 0 means no rule.';

create function trading.ceil_to_step(p_value numeric, p_step numeric) returns numeric
language sql immutable parallel safe
return trim_scale(case
  when p_step > 0 and mod(p_value, p_step) <> 0 then (div(p_value, p_step) + 1) * p_step
  else p_value
end);
comment on function trading.ceil_to_step is 'The smallest multiple of p_step not below p_value (p_value >= 0); a step of 0 means no rule.';

-- Money leaves the database as text, because JSON numbers become floats in JavaScript.
create function trading.money_text(p_value numeric) returns text
language sql immutable parallel safe
return trim_scale(p_value)::text;
comment on function trading.money_text is 'A number as plain decimal text without trailing zeros; NULL stays NULL.';

reset role;
