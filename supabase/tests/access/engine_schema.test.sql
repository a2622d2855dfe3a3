begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

create function pg_temp.readable(p_who text) returns text language plpgsql as $$
declare
  v_table text;
  v_said  text[] := '{}';
begin
  perform case p_who when 'anon' then tests.act_as_anon() when 'service_role' then tests.act_as_service() else tests.act_as_user(p_who) end;
  foreach v_table in array '{ledger_entries,balances,jobs,settings,accounts,portfolios,reservations,engine_stops,risk_checks,audit_seals,operators}'::text[] loop
    begin
      execute format('select 1 from trading.%I limit 1', v_table);
      v_said := array_append(v_said, 'readable');
    exception when insufficient_privilege then
      v_said := array_append(v_said, 'denied');
    end;
  end loop;
  perform tests.act_as_owner();
  return (select string_agg(distinct s, ', ') from unnest(v_said) s);
end
$$;
select is(pg_temp.readable('anon'), 'denied', 'nothing of the engine''s schema can be read without a name');
select is(pg_temp.readable('ann'), 'denied', 'nor by a user, whose own rows these may be');
select is(pg_temp.readable('service_role'), 'readable', 'the service role may look');
select set_eq(
  $$ select pg_get_userbyid(m.member) from pg_auth_members m where m.roleid = 'fillbase_engine'::regrole $$, array['postgres'],
  'nobody but the role that migrates can become the engine');
select results_eq($$ select rolcanlogin, rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = 'fillbase_engine' $$,
  $$ values (false, false, false, false) $$, 'the engine cannot log in and has no power beyond its tables');

select * from finish();
rollback;
