begin;
select plan(9);

create temporary view our_functions as
  select p.oid, p.oid::regprocedure::text as name, n.nspname::text as schema, p.proname::text as short_name,
         p.proconfig, p.prosqlbody, p.prosecdef, p.proacl, p.proowner, p.proargnames, p.proargmodes, p.prorettype, p.prokind, p.prosrc, p.proretset
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
   where n.nspname in ('public', 'trading')
     and not exists (select from pg_catalog.pg_depend d
                      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e');

-- A body written as `return ...` is bound to its objects when the function is created, so no search_path reaches it;
-- and such a function can still be inlined, which a setting would prevent. A procedure that commits must have no setting
-- of its own: it makes it the first thing that it does.
select is_empty(
  $$ select name from our_functions
      where not coalesce(proconfig @> array['search_path=""'], false)
        and (prosqlbody is null or prosecdef)
        and not (prokind = 'p' and prosrc ~ $re$\mbegin\s+perform pg_catalog\.set_config\('search_path', '', false\)$re$)
      order by 1 $$,
  'every function has an empty search_path, or a body that was bound when it was created');

-- A sub-select is not inlined: the statement around it would parse and plan the function's own anew each time it runs.
select is_empty($$ select name from our_functions where prosqlbody::text like '%SUBLINK%' and not proretset order by 1 $$,
  'no bound body holds a sub-select, unless it is a set that a FROM takes in');

select is_empty(
  $$ select f.name
       from our_functions f, aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a
      where a.grantee = 0 order by 1 $$,
  'no function is executable by PUBLIC');

select is_empty(
  $$ select name, role
       from our_functions, unnest(array['anon', 'authenticated']) role
      where schema = 'trading' and has_function_privilege(role, oid, 'execute') order by 1, 2 $$,
  'no function of the engine is executable by anon or authenticated');

select is_empty(
  $$ select role from unnest(array['anon', 'authenticated']) role
      where has_schema_privilege(role, to_regnamespace('trading'), 'usage') order by 1 $$,
  'anon and authenticated cannot even name what is in the schema of the engine');

-- Four run as postgres instead: those three that touch Vault, because only postgres and service_role may, and
-- trading.publish, because postgres may write realtime.messages and the engine may not.
select is_empty(
  $$ select name, proowner::regrole::text
       from our_functions
      where prosecdef and proowner::regrole::text <> 'fillbase_engine'
        and not (proowner::regrole::text = 'postgres'
                 and name in ('trading.vault_text(text)', 'trading.publish(text,text,jsonb)', 'trading.put_secret(text,text)',
                   'trading.read_key_secret(uuid)'))
      order by 1 $$,
  'security definer functions run as fillbase_engine, but for four that run as postgres');

select is_empty(
  $$ select name from our_functions
      where obj_description(oid, 'pg_proc') is null
        and (has_function_privilege('authenticated', oid, 'execute') or has_function_privilege('service_role', oid, 'execute'))
      order by 1 $$,
  'every function that a caller may execute has a comment');

select is_empty(
  $$ select schema, short_name from our_functions group by 1, 2 having count(*) > 1 order by 1, 2 $$,
  'no function is overloaded: callers use named arguments');

select is_empty(
  $$ select f.name, a.arg
       from our_functions f, unnest(f.proargnames) with ordinality a(arg, position)
      where coalesce(f.proargmodes[a.position]::text, 'i') in ('i', 'b', 'v') and a.arg !~ '^p_'
      order by 1, 2 $$,
  'parameters are named p_*, so that none hides a column');

select * from finish();
rollback;
