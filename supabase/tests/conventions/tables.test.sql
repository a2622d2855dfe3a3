begin;
select plan(7);

create temporary view our_tables as
  select c.oid, c.oid::regclass::text as name, c.relowner as owner, c.relacl as acl, c.relrowsecurity
    from pg_catalog.pg_class c
   where c.relnamespace in (to_regnamespace('public'), to_regnamespace('trading')) and c.relkind in ('r', 'p')
     and not exists (select from pg_catalog.pg_depend d
                      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e');

select is_empty(
  $$ select name from our_tables where not relrowsecurity order by 1 $$,
  'every table has row level security');

select is_empty(
  $$ select name from our_tables where obj_description(oid, 'pg_class') is null order by 1 $$,
  'every table has a comment');

select is_empty(
  $$ select t.name, a.attname::text, format_type(a.atttypid, null)
       from our_tables t join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      where a.atttypid in ('float4'::regtype, 'float8'::regtype, 'money'::regtype, 'float4[]'::regtype, 'float8[]'::regtype)
      order by 1, 2 $$,
  'no column is floating point or of the type money');

select is_empty(
  $$ select t.name, a.attname::text
       from our_tables t join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      where a.atttypid in ('timestamp'::regtype, 'timestamp[]'::regtype)
      order by 1, 2 $$,
  'every moment is a timestamptz');

select is_empty(
  $$ select t.name, k.conname::text
       from our_tables t join pg_catalog.pg_constraint k on k.conrelid = t.oid and k.contype = 'f'
      where not exists (
        select from pg_catalog.pg_index i
         where i.indrelid = k.conrelid and i.indisvalid
           and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) ~ '^\(\w+ IS NOT NULL\)$')
           and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] <@ k.conkey
           and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
      order by 1, 2 $$,
  'every foreign key has an index that begins with its columns');

select is_empty(
  $$ select t.name, k.conname::text
       from our_tables t join pg_catalog.pg_constraint k on k.conrelid = t.oid and k.contype = 'f'
      where k.confdeltype = 'c'
        and t.name in (
          'alerts', 'audit_log', 'orders', 'paper_balances', 'pnl_snapshots', 'positions', 'trades',
          'trading.accounts', 'trading.audit_seals', 'trading.balances', 'trading.dust_pools', 'trading.exchange_calls',
          'trading.ledger_entries', 'trading.portfolios', 'trading.reservations', 'trading.risk_checks')
      order by 1, 2 $$,
  'no row about money or the audit disappears because another row was deleted');

select is_empty(
  $$ with grants as (
       select t.name, t.owner, a.grantee, a.privilege_type from our_tables t, aclexplode(t.acl) a
       union all
       select t.name, t.owner, a.grantee, a.privilege_type || ' ' || c.attname
         from our_tables t join pg_catalog.pg_attribute c on c.attrelid = t.oid, aclexplode(c.attacl) a
     )
     select name, privilege_type, case when grantee = 0 then 'public' else grantee::regrole::text end
       from grants
      where owner = to_regrole('fillbase_engine') and privilege_type !~ '^SELECT'
        and (grantee = 0 or grantee::regrole::text in ('anon', 'authenticated', 'service_role'))
      order by 1, 2, 3 $$,
  'tables of the engine are written by the engine alone: others may SELECT at most');

select * from finish();
rollback;
