begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha');
select tests.rest_guard();
-- The target sold everything, and whoever is asked about orders and executions does not know so yet.
select tests.compare((select account from t), '{"USDT": 10020}') from generate_series(1, 2);
select is((select count(*) from trading.quarantines), 0::bigint, 'what a resting target would have sold is not missed at once');
select is(trading.managed_quantity((select account from t), 'USDT'), 9900::numeric, 'nor is its price taken for a deposit');
delete from trading.jobs where status = 'queued' and payload ? 'account_id';
select trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id), 'filled', 1, jsonb_build_object('fills', jsonb_build_array(
  jsonb_build_object('trade_id', 's', 'price', '120', 'quantity', '1', 'value', '120', 'fee', '0', 'fee_asset', 'USDT', 'executed_at', trading.engine_now())))),
  trading.engine_now()) from tests.order_of('one', 'take_profit', 1) o;
select tests.obey();
select is(tests.compare((select account from t), '{"USDT": 10020}'), '[]'::jsonb, 'its fill explains both');
select is((select (status, exit_reason)::text from tests.position_of('one')), '(closed,take_profit)', 'the position is closed by its target');
select is((select count(*) from trading.outside_moves where asset in ('SOL', 'USDT') and quantity < 0), 0::bigint, 'nothing of it moved by other hands');

-- What a resting sell of ours would not make is nobody's late sale.
select tests.buy_live('two', 'alpha');
select tests.rest_guard();
savepoint resting;
select tests.compare((select account from t), '{"USDT": 9960, "SOL": 0.6}') from generate_series(1, 2);
select is((select count(*) from trading.quarantines where ended_at is null), 0::bigint, 'coins that an open sell has locked are there, whatever the balances say');
rollback to resting;
select tests.end_by_hand();
savepoint whole;
select tests.compare((select account from t), '{"USDT": 9960, "SOL": 0.6}') from generate_series(1, 2);
select is((select q.missing_quantity::numeric from trading.quarantines q where q.ended_at is null), 0.4, 'a part that is gone is missed when it is seen twice');
rollback to whole;
select tests.compare((select account from t), '{"USDT": 9920, "SOL": 0}') from generate_series(1, 2);
select is((select q.missing_quantity::numeric from trading.quarantines q where q.ended_at is null), 1::numeric, 'so are coins for which no money came');

select * from finish();
rollback;
