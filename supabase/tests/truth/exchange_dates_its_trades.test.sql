begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
update trading.account_checks set started_at = started_at - interval '1 hour';
-- Our clock is 20 s ahead of the exchange's, which dates its trades by its own.
update trading.exchange_clocks set offset_ms = -20000;
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
create temp table entry as select o.* from tests.order_of('one', 'entry') o;
create function pg_temp.fill(p_after interval) returns jsonb language sql as $$
  select jsonb_build_array('{"trade_id": "5", "exchange_order_id": "55", "price": "100", "quantity": "1", "value": "100", "fee": "0", "fee_asset": "USDT", "side": "BUY"}'
    || jsonb_build_object('executed_at', permitted_at - interval '20 seconds' + p_after)) from entry
$$;
select isnt(trading.suspect_of(o, pg_temp.fill('0.2 seconds')), null, 'a trade a moment after the order''s permit, by the exchange''s clock, may be its own') from tests.order_of('one', 'entry') o;
select is(trading.suspect_of(o, pg_temp.fill('-6 seconds')), null, 'one of before is not') from tests.order_of('one', 'entry') o;

-- An order that was believed never to have been there, and its trade.
update public.orders set state = 'not_placed', finished_at = trading.engine_now() where id = (select id from entry);
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}', '[]', jsonb_build_object('SOLUSDT', pg_temp.fill('0.2 seconds')),
  (select jsonb_build_object('order', jsonb_build_object('client_order_id', client_order_id, 'exchange_order_id', '55', 'status', 'filled', 'quantity', '1', 'executed_quantity', '1')) from entry));
select is((tests.order_of('one', 'entry')).state, 'filled', 'it is found by its trade, whatever the clocks say');
select ok(not tests.has_alert('order_unexplained'), 'and nothing is unexplained');

select * from finish();
rollback;
