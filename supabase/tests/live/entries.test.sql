begin;
select plan(22);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit"}');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.later(p_by interval) returns void language plpgsql as $$
begin
  perform tests.tick(101, 102, p_after => p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
end
$$;
create function pg_temp.fill(p_id text, p_quantity numeric, p_order public.orders) returns jsonb language sql as $$
  select jsonb_build_object('trade_id', p_id, 'exchange_order_id', p_order.binance_order_id, 'price', '100', 'quantity', p_quantity::text,
    'value', (100 * p_quantity)::text, 'fee', '0', 'fee_asset', 'USDT', 'is_maker', true, 'side', 'BUY', 'executed_at', trading.engine_now())
$$;
create function pg_temp.rest(p_signal text) returns void language plpgsql as $$
declare
  v_call jsonb;
begin
  perform pg_temp.later('1 second');
  perform tests.decide(p_signal, 'alpha', '{"entry": 100, "stopLoss": 95}');
  v_call := tests.next_call();
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'working')));
end
$$;

-- A cancel that a fill has won against -----------------------------------------------------------------------------------
select pg_temp.rest('one');
select is((tests.order_of('one', 'entry')).state, 'working', 'a limit entry rests at the exchange');
select pg_temp.later((select expires_at - trading.engine_now() + interval '1 second' from tests.order_of('one', 'entry')));
create temp table c as select tests.next_call() as call;
select is((select call ->> 'action' from c), 'cancel', 'after its time it is cancelled');
select is(tests.answer('{"outcome": "rejected", "reason": "order_not_found", "code": -2011}') #>> '{call,action}', 'lookup', 'it is not there to be cancelled: it is asked about');
select is(tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' || '{"quantity": "1"}' from c), 'filled', 1)))
  #>> '{call,action}', 'fills', 'a fill has won: its executions are asked for');
select is((tests.order_of('one', 'entry')).finished_at, null, 'until they are there it is not final');
select is(tests.answer(jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(pg_temp.fill('1', 1, tests.order_of('one', 'entry'))))) ->> 'outcome',
  'filled', 'the fill is booked');
select is((select status || ' ' || quantity::numeric from tests.position_of('one')), 'open 1', 'and is a position');
select is((select error_code from tests.order_of('one', 'entry')), null, 'without an error left on it');
select tests.obey();

-- A cancel that fills in part ---------------------------------------------------------------------------------------------
select pg_temp.rest('two');
select trading.enqueue_job('cancel', 'by hand', o.portfolio_id, false, trading.engine_now(), p_position_id => o.position_id, p_order_id => o.id) from tests.order_of('two', 'entry') o;
select is(tests.next_call() ->> 'action', 'cancel', 'another one is cancelled');
select is(tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
  jsonb_build_object('client_order_id', (tests.order_of('two', 'entry')).client_order_id, 'quantity', '1'), 'cancelled', 0.4))) #>> '{call,action}', 'fills',
  'a part had been executed: its fills are asked for');
select is((tests.order_of('two', 'entry')).finished_at, null, 'so it is not over');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(pg_temp.fill('2', 0.4, tests.order_of('two', 'entry')))));
select is((select o.state || ' ' || p.status || ' ' || p.quantity::numeric from tests.order_of('two', 'entry') o, tests.position_of('two') p), 'cancelled open 0.4',
  'its part is kept, and guarded');
select is(tests.next_call() #>> '{request,quantity}', '0.4', 'at the exchange');

-- A worker that dies --------------------------------------------------------------------------------------------------------
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select pg_temp.later('1 second');
select tests.decide('three', 'alpha', '{"entry": 100, "stopLoss": 95}');
select is(tests.next_call() ->> 'action', 'submit', 'a worker is given an order to send');
update trading.jobs set lease_until = clock_timestamp() - interval '1 second' where status = 'running';
select trading.sweep(trading.engine_now());
select is((tests.order_of('three', 'entry')).state, 'submitting', 'it dies');
delete from trading.jobs where payload ? 'account_id';
select is(tests.next_call(), null, 'whoever takes its job up makes no call again');
select is((tests.order_of('three', 'entry')).state, 'unknown', 'nobody knows whether the order was sent');
select is((select array_agg(c.outcome || ' ' || c.reason) from trading.exchange_calls c where c.order_id = (tests.order_of('three', 'entry')).id), '{"unknown worker_lost"}', 'and its call says so');
select ok(exists (select from trading.jobs where order_id = (tests.order_of('three', 'entry')).id and kind = 'sync' and status = 'queued'), 'it is asked about');
select throws_like($$ insert into trading.call_orders select order_id, call_id from trading.call_orders where order_id = (tests.order_of('three', 'entry')).id $$, '%call_orders_pkey%',
  'a second sending of it cannot even be written down');

-- A fill for what was believed over -------------------------------------------------------------------------------------------
select trading.fold_venue_report((tests.order_of('three', 'entry')).id, '{"status": "not_placed", "executed_quantity": "0"}', trading.engine_now());
select is((tests.position_of('three')).status, 'failed', 'an entry that was proven never placed has no position');
select trading.fold_venue_report((tests.order_of('three', 'entry')).id, jsonb_build_object('status', 'filled', 'executed_quantity', '1', 'exchange_order_id', '9',
  'fills', jsonb_build_array(pg_temp.fill('9', 1, tests.order_of('three', 'entry')))), trading.engine_now());
select is((select status || ' ' || quantity::numeric from tests.position_of('three')), 'open 1', 'a fill proves it wrong: it is open');

select * from finish();
rollback;
