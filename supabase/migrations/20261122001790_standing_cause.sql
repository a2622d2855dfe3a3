-- Purpose: why trading may not be resumed yet.
-- Locks:   none on existing tables.

set role fillbase_engine;

do $$
begin
  if to_regprocedure('trading.standing_cause(uuid, uuid, timestamptz)') is null then
    create function trading.standing_cause(p_user_id uuid, p_account_id uuid, p_now timestamptz) returns text
    language sql stable
    return null::text;
    comment on function trading.standing_cause is 'The code of a rule that still forbids trading, or null.';
  end if;
end
$$;

reset role;
