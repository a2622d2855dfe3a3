begin;
select plan(3);

create temporary view our_views as
  select c.oid, c.oid::regclass::text as name, c.relkind, c.reloptions
    from pg_catalog.pg_class c
   where c.relnamespace in (to_regnamespace('public'), to_regnamespace('trading')) and c.relkind in ('v', 'm')
     and not exists (select from pg_catalog.pg_depend d
                      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e');

select is_empty(
  $$ select name from our_views
      where relkind = 'v' and not coalesce(reloptions && array['security_invoker=true', 'security_invoker=on'], false) order by 1 $$,
  'every view reads with the rights of its caller');

select is_empty(
  $$ select name from our_views where relkind = 'm' order by 1 $$,
  'no view is materialized: row security does not reach into one');

select is_empty(
  $$ select name from our_views where obj_description(oid, 'pg_class') is null order by 1 $$,
  'every view has a comment');

select * from finish();
rollback;
