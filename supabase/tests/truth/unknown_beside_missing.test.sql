-- Two positions share an account, and the coins of one are missing: what is left of the other is known, sold and guarded as if it were alone.
begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('here', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.tick(99.99, 100);
select tests.buy_live('gone', 'beta', 1, '{"stopLoss": 95}');
select tests.rest_guard();
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 2}');
create function pg_temp.expected() returns numeric language sql as $$ select trading.expected_quantity(account, 'SOL') from t $$;
create function pg_temp.has_others(p_signal text) returns boolean language sql as $$ select trading.holds_other_coins(tests.position_of(p_signal)) $$;
create function pg_temp.is_unmoved(p_side text, p_total text) returns boolean language sql as $$
  select trading.is_unmoved(jsonb_populate_record(o, jsonb_build_object('side', p_side)), jsonb_build_array(jsonb_build_object('asset', 'SOL', 'free', p_total, 'locked', '0')))
  from tests.order_of('here', 'stop_loss') o
$$;
select is((pg_temp.expected(), pg_temp.has_others('here'))::text, '(2,t)', 'while both have their coins a sale of one could take those of the other');
select trading.fold_venue_report((tests.order_of('gone', 'stop_loss')).id, '{"status": "cancelled", "executed_quantity": "0"}', trading.engine_now());
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 1}') from generate_series(1, 2);
delete from trading.jobs where status = 'queued';
select is(trading.missing_coins((tests.position_of('gone')).id), 1::numeric, 'the coins of the one are taken away');
select is((pg_temp.expected(), pg_temp.has_others('here'), pg_temp.has_others('gone'))::text, '(1,f,t)', 'then the other one has nothing beside it, and they have its');
savepoint s;
update trading.quarantines set missing_quantity = 0.4;
select is((pg_temp.has_others('here'), pg_temp.has_others('gone'))::text, '(t,t)', 'a part that is there can be taken, by the one and by the other');
rollback to s;
select is((pg_temp.is_unmoved('SELL', '1'), pg_temp.is_unmoved('SELL', '0.5'), pg_temp.is_unmoved('BUY', '1'), pg_temp.is_unmoved('BUY', '2'))::text, '(t,f,t,f)',
  'what is there speaks for a sale that was never placed, what is less does not, nor what is more for a purchase');

-- A sale of what is there, whose answer is lost: it never arrived -----------------------------------------------------------------------
create temp table asked (action text);
create function pg_temp.says(p_call jsonb) returns jsonb language plpgsql as $$
declare
  v_action text := p_call ->> 'action';
  v_is_sale boolean := (select o.role = 'exit' from public.orders o where o.client_order_id = p_call #>> '{request,client_order_id}');
begin
  insert into asked values (v_action);
  return case
    when v_action = 'replace' then '{"outcome": "unknown", "reason": "no_answer"}'
    when v_is_sale then '{"outcome": "rejected", "reason": "order_not_found"}'
    when v_action = 'balances' then '{"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "9800", "locked": "0"}, {"asset": "SOL", "free": "1", "locked": "0"}]}'
    when v_action = 'fills' then '{"outcome": "accepted", "fills": []}'
    when v_action = 'open_orders' then jsonb_build_object('outcome', 'accepted', 'orders', tests.listed((select account from t)))
    else jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(p_call -> 'request' || '{"quantity": "1"}', 'working')) end;
end
$$;
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('here') p;
select tests.converse('1 second');
select is((select string_agg(o.role || ' ' || o.state, ', ' order by o.role) from public.orders o where o.position_id = (tests.position_of('here')).id and o.side = 'SELL'),
  'exit unknown, stop_loss working', 'it was to take the place of the stop in one request, and the stop stands');
create temp table first as select o.id from tests.order_of('here', 'exit') o;
select tests.converse('1 second') from generate_series(1, 10);
select cmp_ok((select count(*) from asked where action = 'replace'), '>', 1::bigint, 'the next one leaves within seconds');
select tests.converse('5 seconds') from generate_series(1, 10);
select is((select o.state from public.orders o join first using (id)), 'not_placed', 'and within a minute the first one is proven never to have been placed');
select * from finish();
rollback;
