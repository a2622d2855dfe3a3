-- One reader at the exchange is empty: no balances and no open orders, while the order itself says that it rests.
begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha');
select tests.rest_guard();
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}');
create temp table asked (n serial, action text, quantity text);
create function pg_temp.says(p_call jsonb) returns jsonb language plpgsql as $$
begin
  insert into asked (action, quantity) values (p_call ->> 'action', coalesce(p_call #>> '{request,order,quantity}', p_call #>> '{request,quantity}'));
  return case p_call ->> 'action'
    when 'check_order' then '{"outcome": "accepted"}'
    when 'open_orders' then '{"outcome": "accepted", "orders": []}'
    when 'balances' then '{"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": []}'
    when 'lookup' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(p_call -> 'request' || '{"quantity": "1"}', 'working'))
    when 'cancel' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(p_call -> 'request' || '{"quantity": "1"}', 'cancelled'))
    else '{"outcome": "unknown", "reason": "no_answer"}' end::jsonb;
end
$$;
create function pg_temp.compare(p_orders jsonb default '[]') returns text language plpgsql as $$
declare
  v_found jsonb := tests.compare((select account from t), '{}', p_orders);
begin
  return (select string_agg(distinct d ->> 'kind', ',' order by d ->> 'kind') from jsonb_array_elements(v_found) d);
end
$$;
create function pg_temp.missing() returns numeric language sql as $$ select trading.missing_coins((tests.position_of('one')).id) $$;
create function pg_temp.sells() returns text language plpgsql as $$
declare
  v_from int := (select coalesce(max(n), 0) from asked);
begin
  delete from trading.jobs where status = 'queued';
  perform trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "stop_loss"}') from tests.position_of('one') p;
  perform tests.converse('1 second');
  return (select string_agg(concat_ws(' ', a.action, a.quantity), ', ' order by a.n) from asked a where a.n > v_from and a.action in ('cancel', 'submit', 'replace'));
end
$$;

-- Asked about itself, the order contradicts both -----------------------------------------------------------------------------------------
select is(pg_temp.compare(), 'cash_moved,coins_missing,order_not_listed', 'an order that was not heard of since the comparison before says nothing');
savepoint unheard;
select tests.converse('1 second');
select is(pg_temp.compare(), 'balances_contradicted,order_not_listed', 'what it says then of itself speaks against the balances, though no list shows it');
select tests.converse('1 second');
select is(pg_temp.compare(), 'balances_contradicted,order_not_listed', 'as often as it is asked');
select ok(tests.has_alert('balances_contradicted'), 'and somebody is told');
select is((trading.managed_quantity((select account from t), 'USDT'), pg_temp.missing())::text, '(9900,0)', 'neither cash nor coins are booked away');
select trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id, 'quantity', '1'), 'cancelled'), trading.engine_now() + interval '1 second')
from public.orders o where o.state = 'working';
delete from trading.jobs where status = 'queued';
select is(pg_temp.compare(), 'cash_moved,coins_missing', 'an order that has said its end speaks against nothing');

-- It was not asked in time: the coins count as missing while they rest in it ----------------------------------------------------------------
rollback to unheard;
delete from trading.jobs where status = 'queued';
select pg_temp.compare();
select is(pg_temp.missing(), 1::numeric, 'unheard, it is not believed');
select is((trading.plan_guard(p)).quantity, 1::numeric, 'the stop stands for what it has locked') from tests.position_of('one') p;
savepoint missed;
select is(pg_temp.sells(), 'replace 1', 'and an exit sells that with the stop''s end');
rollback to missed;
update trading.outside_holdings set quantity = 5 where asset = 'SOL';
select is(pg_temp.sells(), 'cancel, submit 1', 'or after it, beside other coins: what our own word has ended had its coins until then');
rollback to missed;
select tests.converse('1 second');
select is(pg_temp.missing(), 0::numeric, 'an order that says that it rests has the coins that were missed');
select is((select count(*) from trading.quarantines where ended_at is null), 1::bigint, 'but it is for a person to end it');
select * from finish();
rollback;
