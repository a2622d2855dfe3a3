begin;
select plan(1);

-- The words are a generated column: a table of the same columns computes them for each state.
create temporary table shown (like public.orders including generated);
do $$
begin
  execute (select string_agg(format('alter table pg_temp.shown alter column %I drop not null', a.attname), '; ')
           from pg_attribute a where a.attrelid = 'pg_temp.shown'::regclass and a.attnum > 0 and a.attnotnull);
end
$$;
insert into shown (state) select distinct to_status from trading.order_transitions;

select set_eq(
  $$ select state, status from shown $$,
  $$ values ('planned', 'created'), ('submitting', 'created'), ('working', 'submitted'), ('partially_filled', 'partially_filled'),
            ('filled', 'filled'), ('cancelled', 'cancelled'), ('abandoned', 'cancelled'), ('expired', 'expired'), ('unknown', 'unknown'),
            ('denied', 'failed'), ('not_sent', 'failed'), ('rejected', 'failed'), ('not_placed', 'failed') $$,
  'users read the product''s words for each state');

select * from finish();
rollback;
