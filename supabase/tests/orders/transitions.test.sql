begin;
select plan(4);
select tests.open_desk();
select tests.resting_entry('model', 1);
select tests.resting_entry('witness', 1);
create temporary table witness as select * from tests.order_of('witness', 'entry');

-- A row in any state, which the guard would not let be born there: the guard is off for the length of the insert.
create function pg_temp.plant(p_state text) returns uuid language plpgsql as $$
declare
  v_id uuid := gen_random_uuid();
begin
  alter table public.orders disable trigger orders_100_guard_state;
  insert into public.orders (id, user_id, position_id, portfolio_id, account_id, role, attempt, symbol, side, type, time_in_force, quantity,
    client_order_id, state, is_paper_trade, permitted_at, finished_at, created_at, updated_at)
  select v_id, o.user_id, o.position_id, o.portfolio_id, o.account_id, 'exit', (random() * 1000000000)::int + 1, o.symbol, 'SELL', 'MARKET',
    'GTC', 1, left(md5(v_id::text), 30), p_state, false, o.created_at,
    case when p_state not in ('planned', 'submitting', 'unknown', 'working', 'partially_filled') then o.created_at end, o.created_at, o.created_at
  from tests.order_of('model', 'entry') o;
  alter table public.orders enable trigger orders_100_guard_state;
  return v_id;
end
$$;

create function pg_temp.move(p_from text, p_to text) returns text language plpgsql as $$
declare
  v_id uuid := pg_temp.plant(p_from);
begin
  update public.orders set state = p_to,
    finished_at = case when p_to not in ('planned', 'submitting', 'unknown', 'working', 'partially_filled') then created_at end
  where id = v_id;
  return 'moved';
exception when others then
  return sqlstate || ' ' || split_part(sqlerrm, ':', 1);
end
$$;

create temporary table states as select unnest('{planned,denied,abandoned,submitting,not_sent,unknown,working,partially_filled,filled,
  cancelled,expired,rejected,not_placed}'::text[]) as state;
create temporary table tried as
  select a.state as from_state, b.state as to_state, pg_temp.move(a.state, b.state) as answer
  from states a, states b where a.state <> b.state;

select set_eq(
  $$ select from_state || ' > ' || string_agg(to_state, ' ' order by to_state) from tried where answer = 'moved' group by from_state $$,
  array['planned > abandoned denied submitting',
        'submitting > cancelled expired filled not_sent partially_filled rejected unknown working',
        'unknown > cancelled expired filled not_placed partially_filled rejected working',
        'working > cancelled expired filled partially_filled rejected',
        'partially_filled > cancelled expired filled',
        'cancelled > filled partially_filled', 'expired > filled partially_filled', 'rejected > filled partially_filled',
        'not_placed > filled partially_filled'],
  'an order can take exactly these steps; filled, denied, abandoned and not_sent are ends');

select set_eq($$ select distinct answer from tried where answer <> 'moved' $$, array['FB409 order_transition_illegal'],
  'every other step is refused with one stable code');

select set_eq(
  $$ select from_state || ' > ' || to_state from tried where answer = 'moved' union all values (' > planned'), (' > submitting'), (' > working') $$,
  $$ select from_status || ' > ' || to_status from trading.order_transitions $$,
  'the table of transitions says the same');

select set_eq($$ select * from tests.order_of('witness', 'entry') $$, 'table witness', 'and its neighbour was left alone');

select * from finish();
rollback;
