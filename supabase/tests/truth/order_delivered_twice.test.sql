begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha');
select tests.rest_guard();
create temp table twin as select o.client_order_id, (o).quantity::numeric as quantity from tests.order_of('one', 'entry') o;
create function pg_temp.twin_fill() returns jsonb language sql as $$
  select jsonb_build_object('SOLUSDT', jsonb_build_array(jsonb_build_object('trade_id', '88', 'exchange_order_id', '4711', 'price', '100', 'quantity', '1',
    'value', '100', 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'BUY', 'executed_at', trading.engine_now())))
$$;

-- The network gave the exchange the entry twice: it bought twice, under one client id.
select ok(tests.compare((select account from t), '{"USDT": 9800, "SOL": 2}', p_fills => pg_temp.twin_fill(), p_lookup => (
    select jsonb_build_object('order', jsonb_build_object('client_order_id', client_order_id, 'exchange_order_id', '4711', 'symbol', 'SOLUSDT', 'side', 'BUY',
      'status', 'filled', 'quantity', '1', 'executed_quantity', '1')) from twin))
  @> '[{"kind": "order_unexplained", "symbol": "SOLUSDT", "trade_id": "88"}]', 'an execution of an order with our tag is nobody else''s trade');
select is((select c.request from trading.exchange_calls c where c.action = 'lookup' order by c.id desc limit 1), '{"exchange_order_id": "4711"}'::jsonb,
  'whose it is was asked by the exchange''s id');
select is((select (a.severity, a.detail ->> 'client_order_id' = twin.client_order_id)::text from public.alerts a, twin where a.code = 'order_unexplained'),
  '(critical,t)', 'its owner is told, with its name');
select is((select s.state from trading.trading_states s where s.scope = 'account' and s.scope_id = (select account from t)), 'halted', 'the account is halted');
select is((select count(*) from public.alerts where code = 'external_move' and detail ->> 'kind' = 'trade'), 0::bigint, 'it is not told as the owner''s trade');
select is((select (o.binance_order_id, o.filled_quantity::numeric)::text from tests.order_of('one', 'entry') o, twin),
  (select format('(x%s,1)', right(client_order_id, 6)) from twin), 'the row goes on standing for the order that it knows');
select is((tests.position_of('one')).quantity::numeric, 1::numeric, 'and the position for its coins');
select is(trading.our_order((select account from t), client_order_id, '4711'), null, 'a report of the other one is not folded into it') from twin;
select is(trading.our_order((select account from t), client_order_id, 'x' || right(client_order_id, 6)), (tests.order_of('one', 'entry')).id, 'one of its own is') from twin;

-- What was written down is not asked about again, and the alert waits for somebody.
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 2}', p_fills => pg_temp.twin_fill());
select is((select count(*) from trading.exchange_calls c where c.action = 'lookup'), 1::bigint, 'it is asked about once');
select ok(tests.has_alert('order_unexplained'), 'the alert stays until somebody resolves it');
select is((select count(*) from trading.outside_moves where exchange_trade_id = '88'), 1::bigint, 'the move is written down once');

-- A foreign order that the exchange does not show yet is asked about again before it is believed to be foreign.
select is((select j.status from trading.jobs j where j.payload ? 'account_id' and j.status = 'queued' and j.last_error is not null), null, 'nothing waits');
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 2.5}', p_lookup => '{"outcome": "rejected", "reason": "order_not_found"}',
  p_fills => jsonb_build_object('SOLUSDT', jsonb_build_array((pg_temp.twin_fill() #> '{SOLUSDT,0}') || '{"trade_id": "89", "exchange_order_id": "4712"}')));
select is((select coalesce(j.last_error ->> 'cause', j.last_error ->> 'code') from trading.jobs j where j.payload ? 'account_id' and j.status = 'queued' and j.last_error is not null), 'order_not_found',
  'an order that is not shown yet is waited for');

select * from finish();
rollback;
