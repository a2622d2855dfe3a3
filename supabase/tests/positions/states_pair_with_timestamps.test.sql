begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

create function pg_temp.change(p_set text) returns text language plpgsql as $$
declare
  v_constraint text;
begin
  execute format('update public.positions set %s', p_set);
  return 'changed';
exception when check_violation then
  get stacked diagnostics v_constraint = constraint_name;
  return v_constraint;
end
$$;

select is(pg_temp.change($$ closed_at = now() $$), 'positions_closed_at_matches_status', 'an open position has no time of its end');
select is(pg_temp.change($$ opened_at = null $$), 'positions_opened_at_matches_status', 'an open position has the time it was opened');
select is(pg_temp.change($$ stop_loss_price = null $$), 'positions_open_has_stop', 'an open position has a stop');
select is(pg_temp.change($$ status = 'closing' $$), 'positions_closing_remembers', 'a closing position remembers where it came from');

update public.positions set status = 'closing', status_before_closing = 'open';
create temporary table before as select * from public.positions;
select is(pg_temp.change($$ status = 'closed', quantity = 0, cost = 0 $$), 'positions_closed_at_matches_status',
  'a closed position has the time of its end');
select is(pg_temp.change($$ status = 'closed', closed_at = now() $$), 'positions_ended_holds_nothing', 'a closed position holds no coins');
select set_eq('select * from public.positions', 'table before', 'nothing of all this was written');

select * from finish();
rollback;
