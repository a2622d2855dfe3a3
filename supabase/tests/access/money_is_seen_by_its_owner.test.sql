begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta', 'bob');
select tests.create_user('eve');
select tests.enter('one', 'alpha');
select tests.enter('two', 'alpha');
select tests.enter('three', 'beta');
select trading.raise_alert(now(), 'info', 'planted', tests.user_id(u), 'user', u, 'planted') from unnest('{ann,bob}'::text[]) u;

create temporary table tables as select unnest('{positions,orders,trades,paper_balances,risk_limits,audit_log,alerts}'::text[]) as name;
grant select on tables to public;

create function pg_temp.rows_of(p_who text, p_table text, p_user text) returns text language plpgsql as $$
declare
  v_count bigint;
begin
  perform case p_who when 'anon' then tests.act_as_anon() when 'service_role' then tests.act_as_service() else tests.act_as_user(p_who) end;
  begin
    execute format('select count(*) from public.%I where user_id = %L', p_table, tests.user_id(p_user)) into v_count;
  exception when insufficient_privilege then
    perform tests.act_as_owner();
    return 'denied';
  end;
  perform tests.act_as_owner();
  return case when v_count > 0 then 'seen' else 'none' end;
end
$$;
create function pg_temp.all_tables(p_who text, p_user text) returns text language sql as $$
  select string_agg(distinct pg_temp.rows_of(p_who, name, p_user), ', ') from tables
$$;

select is(pg_temp.all_tables('ann', 'ann'), 'seen', 'a user sees the own positions, orders, fills, balances, limits, audit and alerts');
select is(pg_temp.all_tables('ann', 'bob'), 'none', 'and nothing of another');
select is(pg_temp.all_tables('eve', 'ann'), 'none', 'a stranger sees nothing');
select is(pg_temp.all_tables('anon', 'ann'), 'denied', 'without a name the tables cannot be asked');
select is(pg_temp.all_tables('service_role', 'bob'), 'seen', 'the service role sees everybody''s');
select is((select string_agg(pg_temp.rows_of(w, 'position_values', 'ann'), ' ') from unnest('{ann,eve,bob,anon,service_role}'::text[]) w),
  'seen none none denied seen', 'the view of open positions follows the same rules');

select * from finish();
rollback;
