-- A sale that was fenced is found to have executed, while a stop for the whole position rests on coins that the owner has put there
-- since. What it sold is no coin for that stop, shown or not.
begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
delete from trading.jobs where status = 'queued';
create function pg_temp.planned() returns numeric language sql as $$ select (trading.plan_guard(p)).quantity from tests.position_of('one') p $$;
create function pg_temp.told(p_role text, p_status text, p_executed text) returns void language sql as $$
  select trading.fold_venue_report(o.id, jsonb_build_object('client_order_id', o.client_order_id, 'exchange_order_id', coalesce(o.binance_order_id, 'x9'),
    'status', p_status, 'quantity', o.quantity::text, 'executed_quantity', p_executed), trading.engine_now()) from tests.order_of('one', p_role) o
$$;
select is(pg_temp.planned(), 1::numeric, 'a stop for all of it rests');
select trading.insert_live_sell(p, 'exit', 0, 'MARKET', 0.6, null, null, 'manual', trading.engine_now()) from tests.position_of('one') p;
select pg_temp.told('exit', 'filled', '0.6');
select is(trading.unshown_quantity((tests.position_of('one')).id), 0.6, 'a sale has sold by its own word, and its fills are not shown');
select is((trading.resting_guard((tests.position_of('one')).id)).quantity::numeric, 1::numeric, 'the stop for all of it still rests');
select is(pg_temp.planned(), 0.4, 'it should be for what is left');
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 5}');
select is(pg_temp.planned(), 0.4, 'whatever the owner has besides');
select pg_temp.told('stop_loss', 'partially_filled', '0.3');
select is(pg_temp.planned(), 0.1, 'what the stop itself has executed is gone as well');
select * from finish();
rollback;
