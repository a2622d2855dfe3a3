begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha', '{"entry": 100, "stopLoss": 95, "takeProfit": [110]}');

create function pg_temp.born(p_from_role text, p_level int, p_changes jsonb) returns text language plpgsql as $$
begin
  insert into public.orders (id, user_id, position_id, portfolio_id, account_id, role, attempt, symbol, side, type, time_in_force, quantity, price,
    trigger_price, client_order_id, state, is_paper_trade, permitted_at, created_at, updated_at)
  select n.id, n.user_id, n.position_id, n.portfolio_id, n.account_id, n.role, n.attempt + 90, n.symbol, n.side, n.type, n.time_in_force, n.quantity, n.price,
    n.trigger_price, left(md5(n.id::text), 30), n.state, n.is_paper_trade, n.permitted_at, n.created_at, n.updated_at
  from tests.order_of('one', p_from_role, p_level) o, jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid()) || p_changes) n;
  return 'born';
exception when sqlstate 'FB409' then
  return split_part(sqlerrm, ':', 1);
end
$$;

select is(pg_temp.born('entry', 0, '{"state": "planned"}'), 'born', 'an intent is born planned');
select is(pg_temp.born('entry', 0, '{"state": "submitting", "attempt": 2}'), 'born', 'or with its permit in the same commit');
select is(pg_temp.born('entry', 0, '{"state": "working"}'), 'order_transition_illegal', 'an entry is not born resting');
select is(pg_temp.born('stop_loss', 0, '{"is_paper_trade": false}'), 'order_transition_illegal', 'nor is a stop at an exchange');
select is(pg_temp.born('stop_loss', 0, '{}'), 'born', 'a paper stop is planned and placed in one commit');
select is(pg_temp.born('take_profit', 1, '{}'), 'born', 'so is a paper target');

select * from finish();
rollback;
