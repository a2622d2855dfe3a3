-- Purpose: move the tables of the earlier, unused design out of the way, whole and with their rows.
-- Locks:   ACCESS EXCLUSIVE on each table that is moved, for the length of a catalogue update.

-- The names clash with ours. The old design is known by orders.id and positions.id, which were text; any of the six
-- names without those two belongs to somebody else: stop, rather than hide their data.
do $$
declare
  v_name  text;
  v_type  text;
  v_is_old_design boolean := (
    select count(*) = 2 from pg_attribute a
    where a.attrelid in (to_regclass('public.orders'), to_regclass('public.positions')) and a.attname = 'id'
      and a.atttypid = 'text'::regtype and not a.attisdropped);
begin
  foreach v_name in array array[
    'trades', 'orders', 'positions', 'exchange_credentials', 'trade_audit_log', 'exchange_accounts'
  ] loop
    if to_regclass(format('public.%I', v_name)) is null then
      continue;
    end if;

    select format_type(a.atttypid, null) into v_type
    from pg_attribute a
    where a.attrelid = to_regclass(format('public.%I', v_name)) and a.attname = 'id' and not a.attisdropped;
    if not v_is_old_design then
      raise exception using
        errcode = 'FB409',
        message = format('table_clash: public.%I exists and is not the earlier design (its id is %s)', v_name,
                         coalesce(v_type, 'missing')),
        hint    = 'Rename or move that table yourself, then apply the migrations again. Nothing was changed.';
    end if;
    execute format('alter table public.%I set schema legacy', v_name);
  end loop;
end
$$;
