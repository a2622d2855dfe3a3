begin;
select plan(25);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;

select is((select (c.cause, c.is_whole, c.differences)::text from trading.account_checks c),
  '(connected,t,"[{""kind"": ""cash_moved"", ""asset"": ""USDT"", ""found"": ""10000"", ""expected"": ""0""}]")',
  'an account that is connected is compared with its empty books at once');
select is((select count(*) from trading.outside_moves where kind = 'coins'), 0::bigint, 'and what it begins with is no move');

-- Coins of the owner's own --------------------------------------------------------------------------------------------
select is(tests.compare((select account from t), '{"USDT": 10000, "ETH": 2}') -> 0 ->> 'kind', 'coins_moved', 'coins that came later are seen');
select is((select count(*) from trading.outside_holdings), 0::bigint, 'but not believed before they were seen twice');
select is(tests.next_call() ->> 'action', null, 'the second look is not due at once');
select isnt(tests.compare((select account from t), '{"USDT": 10000, "ETH": 2}'), '[]'::jsonb, 'five seconds later they are still there');
select is((select (h.asset, h.quantity::numeric)::text from trading.outside_holdings h), '(ETH,2)', 'so they are the owner''s own');
select is((select (m.kind, m.asset, m.quantity::numeric)::text from trading.outside_moves m where asset = 'ETH'), '(coins,ETH,2)', 'their coming is written down');
select ok(tests.has_alert('external_move', '%:ETH') and exists (select from public.audit_log where action = 'external_move'), 'told and audited');
select is(tests.compare((select account from t), '{"USDT": 10000, "ETH": 2}'), '[]'::jsonb, 'from then on the books explain them');

-- Cash ----------------------------------------------------------------------------------------------------------------
select tests.compare((select account from t), '{"USDT": 9000, "ETH": 2}');
select is(trading.managed_quantity((select account from t), 'USDT'), 10000::numeric, 'a withdrawal is not believed the first time either');
select tests.compare((select account from t), '{"USDT": 9000, "ETH": 2}');
select is(trading.managed_quantity((select account from t), 'USDT'), 9000::numeric, 'the second time cash follows it');
select is((select sum(e.amount) from trading.ledger_entries e where e.asset = 'USDT'), 0::numeric, 'in two entries that add up to nothing');

-- A position ----------------------------------------------------------------------------------------------------------
select tests.buy_live('one', 'alpha');
select tests.rest_guard();
select is(tests.compare((select account from t), '{"USDT": 8900, "ETH": 2, "SOL": 1}'), '[]'::jsonb, 'a position and its cash are explained');
select is((select array_agg(distinct c.action || coalesce(' ' || c.symbol, '')) from trading.exchange_calls c
    where c.job_id = (select k.job_id from trading.account_checks k order by k.id desc limit 1)), '{balances,"fills SOLUSDT",open_orders}',
  'executions are asked for in symbols where something of ours happened');
select is(tests.compare((select account from t), '{"USDT": 8900, "ETH": 2, "SOL": 1}', p_cause => 'schedule'), '[]'::jsonb, 'nothing happened since');
select is((select array_agg(c.action || coalesce(' ' || c.symbol, '') order by c.id) from trading.exchange_calls c
    where c.job_id = (select k.job_id from trading.account_checks k order by k.id desc limit 1)), '{balances,"open_orders SOLUSDT"}',
  'so nothing but the open orders of our symbols is asked for besides the balances');

-- The fee in a third asset is taken from the owner's coins.
insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
select md5('fee')::uuid, account, 'ETH', b, a, 'trade', md5('fee')::uuid, trading.engine_now() from t, (values ('external', -0.25), ('fees', 0.25)) e (b, a);
select is(tests.compare((select account from t), '{"USDT": 8900, "ETH": 1.75, "SOL": 1}'), '[]'::jsonb, 'a fee in a third asset is no move');

-- A fill that nobody has reported: the target sold half.
create temp table target as select o.* from public.orders o where o.role = 'take_profit';
select tests.compare((select account from t), '{"USDT": 8960, "ETH": 1.75, "SOL": 0.5}', p_fills => (select jsonb_build_object('SOLUSDT', jsonb_build_array(
  jsonb_build_object('trade_id', '77', 'exchange_order_id', binance_order_id, 'price', '120', 'quantity', '0.5', 'value', '60', 'fee', '0', 'fee_asset', 'USDT',
    'is_maker', true, 'side', 'SELL', 'executed_at', trading.engine_now()))) from target));
select is((tests.position_of('one')).quantity::numeric, 0.5, 'an execution that nobody reported is found and folded');
select is((select c.unsettled_assets from trading.account_checks c order by c.id desc limit 1), '{SOL,USDT}', 'what it touched is compared the next time');
select is((select count(*) from trading.quarantines), 0::bigint, 'nobody was set aside for it');

-- Schedule ------------------------------------------------------------------------------------------------------------
delete from trading.jobs where status = 'queued';
select is(trading.queue_due_account_checks(trading.engine_now() + interval '59 seconds'), 0, 'an account with a position is compared every minute');
select is(trading.queue_due_account_checks(trading.engine_now() + interval '61 seconds'), 1, 'by the sweep');
select is(trading.queue_due_account_checks(trading.engine_now() + interval '62 seconds'), 0, 'once');

-- Budget --------------------------------------------------------------------------------------------------------------
update trading.rate_budgets set tokens = 619, refilled_at = trading.engine_now() where rule = 'request_weight';
delete from trading.jobs where status = 'queued';
select trading.queue_account_check((select account from t), 'test', trading.engine_now());
select is((tests.run_jobs())[1], 'sync error FB429 queued', 'a comparison leaves the reserve of the request budget to exits');

select * from finish();
rollback;
