begin;
select plan(21);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select is((select amount::numeric from trading.balances where account_id = (select account from t) and bucket = 'cash'), 10000::numeric,
  'the ledger of an exchange account begins with what the exchange says it holds');

select tests.decide('one', 'alpha', '{"stopLoss": 95, "takeProfit": [120]}');
create temp table entry as select tests.next_call() as call;
select is((select call ->> 'action' from entry), 'submit', 'a decision asks for an order');
select is((select (call -> 'request') - 'client_order_id' from entry),
  '{"side": "BUY", "type": "LIMIT", "quantity": "1", "price": "100", "time_in_force": "IOC", "trigger_price": null}'::jsonb,
  'a limit at the worst price that does not rest');
select is((select (call ->> 'recv_window_ms')::int from entry), 2000, 'which the exchange refuses when it comes late');
select is((tests.order_of('one', 'entry')).state, 'submitting', 'its intent is there before it leaves');
select is((select amount::numeric from trading.reservations where order_id = (tests.order_of('one', 'entry')).id), 100::numeric, 'and holds its cash');
select is(tests.next_call(), null, 'nobody else can take it up meanwhile');

-- next_call above has forgotten the call under way; the worker has not.
insert into tests.live_work select j.id, j.fence, jsonb_build_object('call', (select call from entry)) from trading.jobs j where j.kind = 'enter';
create temp table filled as select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from entry), 'filled', 1,
  '{"fills": [{"trade_id": "7", "price": "99.9", "quantity": "1", "value": "99.9", "fee": "0.001", "fee_asset": "SOL", "is_maker": false, "executed_at": "2026-03-02 12:00:01+00"}]}'))) as said;
select is((select said ->> 'outcome' from filled), 'filled', 'the answer is the order''s end');
select is((tests.position_of('one')).quantity::numeric, 0.999, 'the position holds what is left after the fee in its asset');
select is((select trigger_price::numeric from trading.engine_stops), 95::numeric, 'the engine''s stop is armed in the same commit');
select is((select count(*) from trading.reservations where released_at is null), 0::bigint, 'no cash is held back any more');

create temp table guard as select tests.next_call() as call;
select is((select call ->> 'action' from guard), 'submit_pair', 'the next call guards the position at the exchange');
select is((select jsonb_build_array(call #> '{request,quantity}', call #> '{request,target,price}', call #> '{request,stop,trigger_price}') from guard),
  '["0.999", "120", "95"]'::jsonb, 'with all that it holds, its target and its stop');
select is((select jsonb_agg(o.state order by o.role) from public.orders o where o.position_id = (tests.position_of('one')).id and o.side = 'SELL'),
  '["submitting", "submitting"]'::jsonb, 'both are written down before they leave');
select isnt((select naked_since from trading.engine_stops), null, 'until they rest the position counts as naked');
create temp table guarded as select tests.answer(jsonb_build_object('outcome', 'accepted', 'orders', jsonb_build_array(
  tests.venue_report((select call #> '{request,target}' || '{"quantity": "0.999"}' from guard), 'working'),
  tests.venue_report((select call #> '{request,stop}' || '{"quantity": "0.999"}' from guard), 'working')))) as said;
select is((select said ->> 'outcome' from guarded), 'done', 'when both rest the job is over');
select is((select naked_since from trading.engine_stops), null, 'and the naked moment');
select is((select count(*) from trading.naked_moments), 1::bigint, 'which is written down');
select is((select array_agg(e.is_at_venue) from trading.engine_targets e), '{t}'::boolean[], 'the target at the exchange is not the engine''s business');
select is((select array_agg(c.action || ' ' || c.outcome order by c.id) from trading.exchange_calls c),
  '{"balances accepted","open_orders accepted","submit accepted","submit_pair accepted"}', 'every call and how it ended is on record');
select is((select count(*) from public.audit_log where action = 'exchange_key_opened'), 0::bigint, 'here no worker has opened a key');

select * from finish();
rollback;
