begin;
select plan(22);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.later(p_by interval) returns void language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
end
$$;
create function pg_temp.cancelled(p_call jsonb) returns jsonb language sql as $$
  select tests.venue_report(jsonb_build_object('client_order_id', p_call #>> '{request,cancel_client_order_id}'), 'cancelled')
$$;
create function pg_temp.sold(p_request jsonb, p_quantity numeric, p_price numeric) returns jsonb language sql as $$
  select tests.venue_report(p_request, 'filled', p_quantity, jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', p_request ->> 'client_order_id',
    'price', p_price::text, 'quantity', p_quantity::text, 'value', (p_price * p_quantity)::text, 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL',
    'executed_at', trading.engine_now()))))
$$;

-- The exchange's own stop comes first ------------------------------------------------------------------------------------------
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.obey();
select tests.tick(94.9, 95);
select is((select extract(epoch from j.due_at - trading.engine_now())::int from trading.jobs j where j.kind = 'exit'), 3, 'a crossed stop leaves the exchange three seconds');
create temp table c as select tests.next_call() as call;
select is((select call ->> 'action' from c), 'lookup', 'it is asked meanwhile');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' || '{"quantity": "1"}' from c), 'working')));
select is(tests.next_call(), null, 'the engine does not sell beside it');

-- Then the engine sells, in one request with the end of the stop --------------------------------------------------------------
select pg_temp.later('3 seconds');
truncate c;
insert into c select tests.next_call();
select is((select call ->> 'action' || ' ' || (call #>> '{request,order,type}') from c), 'replace MARKET', 'after that the stop is replaced by a sale at market');

-- An answer that is lost: the sale is fenced ------------------------------------------------------------------------------------
select tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
select is((tests.order_of('one', 'exit')).state, 'unknown', 'its answer is lost');
select is((select answer #>> '{call,action}' from tests.live_work), 'lookup', 'it is looked for');
select tests.answer('{"outcome": "rejected", "reason": "order_not_found", "code": -2013}');
select is((select count(*) from public.orders where role = 'exit'), 1::bigint, 'no second sale leaves within its window');
select pg_temp.later('2 seconds');
select is(tests.next_call() ->> 'action', 'lookup', 'after it');
select is(tests.answer('{"outcome": "rejected", "reason": "order_not_found", "code": -2013}') #>> '{call,action}', 'cancel', 'the matching engine is asked to cancel it');
select trading.set_trading_state('account', (select account from t), 'halted', false, 'a test', 'tests', trading.engine_now());
select is(tests.answer('{"outcome": "rejected", "reason": "order_not_found", "code": -2011}') #>> '{call,action}', 'replace',
  'it knows of none: the next sale replaces the stop that still rests, under a halt too');
truncate c;
insert into c select answer -> 'call' from tests.live_work;
select isnt((select v.fenced_at from trading.venue_orders v join public.orders o on o.id = v.order_id where o.role = 'exit' and o.attempt = 1), null, 'the first one is fenced');
select is((select state from public.orders where role = 'exit' and attempt = 1), 'unknown', 'which does not make it known');
select is((select attempt from tests.order_of('one', 'exit')), 2, 'under a new id');
select is((select call #>> '{request,cancel_client_order_id}' from c), (tests.order_of('one', 'stop_loss')).client_order_id, 'so that of the two one at most can sell');
select is((select sum(o.quantity::numeric - o.filled_quantity) from public.orders o where o.role = 'exit' and o.finished_at is null), 2::numeric,
  'both are for the whole: the coins are there once, and locked by the stop');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', pg_temp.sold((select call #> '{request,order}' from c), 1, 94), 'cancelled', pg_temp.cancelled((select call from c))));
select is((select status || ' ' || exit_reason || ' ' || realized_pnl::numeric from tests.position_of('one')), 'closed stop_loss -6', 'the sale closes the position');
select is((select count(*) from trading.engine_stops), 0::bigint, 'its stop is gone');

-- What is still unknown is asked about after the close, and a late fill reopens nothing that is not there -------------------------
select ok((tests.order_of('one', 'exit')).state = 'filled' and exists (select from public.orders o where o.role = 'exit' and o.state in ('unknown', 'not_placed')),
  'the first sale stays on record');
select is((trading.check_books() ->> 'positions_vs_fills')::int + (trading.check_books() ->> 'balances_vs_ledger')::int, 0, 'the books are right');

-- A halted symbol -------------------------------------------------------------------------------------------------------------------
update trading.trading_states set state = 'active' where scope = 'account';
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select tests.buy_live('two', 'alpha', 1, '{"stopLoss": 95}');
select tests.obey();
select tests.list_symbol('SOLUSDT', '{"status": "HALT"}');
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('two') p;
select is(tests.next_call(), null, 'in a symbol that is halted nothing is sent');
select is((select status || ' ' || (last_error ->> 'code') from trading.jobs where key = 'sell'), 'queued symbol_not_trading', 'the sale waits');
select is((select status || ' ' || quantity::numeric from tests.position_of('two')), 'open 1', 'the position is not forgotten');

select * from finish();
rollback;
