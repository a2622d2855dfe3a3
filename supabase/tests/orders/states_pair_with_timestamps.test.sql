begin;
select plan(6);
select tests.open_desk();
select tests.resting_entry('one', 1);

create function pg_temp.change(p_set text) returns text language plpgsql as $$
declare
  v_constraint text;
begin
  execute format('update public.orders set %s', p_set);
  return 'changed';
exception when check_violation then
  get stacked diagnostics v_constraint = constraint_name;
  return v_constraint;
end
$$;

create temporary table before as select * from public.orders;
select is(pg_temp.change($$ finished_at = now() $$), 'orders_finished_at_matches_state', 'a working order has no time of its end');
select is(pg_temp.change($$ state = 'cancelled' $$), 'orders_finished_at_matches_state', 'a cancelled one has');
select is(pg_temp.change($$ permitted_at = null $$), 'orders_permit_before_sending', 'what left had a permit');
select is(pg_temp.change($$ filled_quantity = 1.001 $$), 'orders_filled_within', 'an order does not fill beyond its quantity');
select is(pg_temp.change($$ price = null $$), 'orders_limit_has_price', 'a limit has a price');
select set_eq('select * from public.orders', 'table before', 'nothing of all this was written');

select * from finish();
rollback;
