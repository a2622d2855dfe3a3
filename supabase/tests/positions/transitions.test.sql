begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('model', 'alpha');
select tests.enter('witness', 'alpha');
create temporary table witness as select * from tests.position_of('witness');

-- A row in any state, which the guard would not let be born there: the guard is off for the length of the insert.
create function pg_temp.plant(p_status text) returns uuid language plpgsql as $$
declare
  v_row public.positions := tests.position_of('model');
begin
  v_row.id := gen_random_uuid();
  v_row.signal_id := null;
  v_row.status := p_status;
  v_row.status_before_closing := case when p_status = 'closing' then 'open' end;
  v_row.closed_at := case when p_status in ('closed', 'failed') then v_row.created_at end;
  v_row.failure_code := case when p_status = 'failed' then 'planted' end;
  v_row.quantity := 0;
  v_row.cost := 0;
  alter table public.positions disable trigger positions_100_guard_status;
  insert into public.positions select v_row.*;
  alter table public.positions enable trigger positions_100_guard_status;
  return v_row.id;
end
$$;

create function pg_temp.move(p_from text, p_to text) returns text language plpgsql as $$
declare
  v_id uuid := pg_temp.plant(p_from);
begin
  update public.positions set status = p_to, closed_at = case when p_to in ('closed', 'failed') then created_at end,
    failure_code = 'planted', status_before_closing = 'open'
  where id = v_id;
  return 'moved';
exception when others then
  return sqlstate || ' ' || split_part(sqlerrm, ':', 1);
end
$$;

create temporary table tried as
  select a.status as from_status, b.status as to_status, pg_temp.move(a.status, b.status) as answer
  from unnest('{created,submitting,open,monitoring,closing,closed,failed}'::text[]) a (status),
       unnest('{created,submitting,open,monitoring,closing,closed,failed}'::text[]) b (status)
  where a.status <> b.status;

select set_eq(
  $$ select from_status || ' > ' || to_status from tried where answer = 'moved' $$,
  array['created > submitting', 'created > failed', 'submitting > open', 'submitting > failed', 'open > monitoring', 'open > closing',
        'monitoring > closing', 'closing > open', 'closing > monitoring', 'closing > closed', 'failed > open', 'closed > open'],
  'a position can take exactly these steps');

select set_eq($$ select distinct answer from tried where answer <> 'moved' $$, array['FB409 position_transition_illegal'],
  'every other step is refused with one stable code');

select set_eq(
  $$ select from_status || ' > ' || to_status from tried where answer = 'moved' union all values (' > created'), (' > submitting') $$,
  $$ select from_status || ' > ' || to_status from trading.position_transitions $$,
  'the table of transitions says the same');

select throws_like(
  $$ insert into public.positions select (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid(), 'signal_id', null))).*
     from tests.position_of('model') p $$,
  'position_transition_illegal: a position may not go from "" to "open"', 'a position is born created and in no other state');

select set_eq($$ select * from tests.position_of('witness') $$, 'table witness', 'and its neighbour was left alone');

select * from finish();
rollback;
