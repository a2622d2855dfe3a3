begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "entry_timeout_seconds": 3000}');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.bought() returns jsonb language sql as $$ select '{"USDT": 9900, "SOL": 1}'::jsonb $$;
select tests.tick(101, 102);
update trading.exchange_clocks set measured_at = trading.engine_now();
select tests.decide('one', 'alpha');
create temp table c as select tests.next_call() as call;
select is((select call #>> '{request,time_in_force}' from c), 'GTC', 'an entry rests at the exchange');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from c), 'working')));

-- It is filled there, and whoever is asked about orders does not know so yet.
select tests.compare((select account from t), pg_temp.bought());
select isnt(tests.compare((select account from t), pg_temp.bought()), '[]'::jsonb, 'the account holds what the entry bought');
select is((select count(*) from trading.outside_moves m where m.asset = 'SOL'), 0::bigint, 'that does not make it the owner''s own coins');
select is(trading.managed_quantity((select account from t), 'USDT'), 10000::numeric, 'nor a withdrawal');
select is((select extract(epoch from max(j.due_at) - trading.engine_now())::int from trading.jobs j where j.payload ->> 'cause' = 'confirm'), 54, 'it is looked at again a minute after it was seen first');
delete from trading.jobs where status = 'queued' and payload ? 'account_id';
select trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id), 'filled', 1, jsonb_build_object('fills', jsonb_build_array(
  jsonb_build_object('trade_id', 'b', 'price', '100', 'quantity', '1', 'value', '100', 'fee', '0', 'fee_asset', 'USDT', 'executed_at', trading.engine_now())))),
  trading.engine_now()) from tests.order_of('one', 'entry') o;
select tests.obey();
select is(tests.compare((select account from t), pg_temp.bought()), '[]'::jsonb, 'the fill explains it');

-- What stays for a minute is no lag.
select tests.tick(101, 102);
update trading.exchange_clocks set measured_at = trading.engine_now();
select tests.hire('beta', 'ann', '{"entry_order_type": "limit", "entry_timeout_seconds": 3000, "paper_trade_mode": false}');
select tests.decide('two', 'beta');
update c set call = tests.next_call();
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from c), 'working')));
select tests.compare((select account from t), '{"USDT": 9000, "SOL": 1}');
select tests.compare((select account from t), '{"USDT": 9000, "SOL": 1}', p_after => '30 seconds');
select is(trading.managed_quantity((select account from t), 'USDT'), 9900::numeric, 'beside a resting purchase half a minute is not enough');
select tests.compare((select account from t), '{"USDT": 9000, "SOL": 1}', p_after => '31 seconds');
select is(trading.managed_quantity((select account from t), 'USDT'), 9000::numeric, 'a minute is');
select is((select count(*) from trading.quarantines), 0::bigint, 'nothing is set aside');

-- What is not seen all the time begins anew.
select tests.compare((select account from t), '{"USDT": 8500, "SOL": 1}');
select tests.compare((select account from t), '{"USDT": 9000, "SOL": 1}', p_after => '30 seconds');
select tests.compare((select account from t), '{"USDT": 8500, "SOL": 1}', p_after => d::interval) from unnest('{31 seconds,6 seconds}'::text[]) d;
select is(trading.managed_quantity((select account from t), 'USDT'), 9000::numeric, 'what came, went and came again has not been there for a minute');
select tests.compare((select account from t), '{"USDT": 9000, "SOL": 1}');

-- A purchase that was cancelled a moment ago may have been filled before.
delete from trading.jobs where status = 'queued';
select trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id), 'cancelled'), trading.engine_now()) from tests.order_of('two', 'entry') o;
select tests.compare((select account from t), '{"USDT": 8900, "SOL": 2}') from generate_series(1, 2);
select is(trading.managed_quantity((select account from t), 'USDT'), 9000::numeric, 'nor does what one that ended a moment ago would have bought count at once');
select tests.compare((select account from t), '{"USDT": 8900, "SOL": 2}', p_after => '61 seconds') from generate_series(1, 2);
select is((select m.quantity::numeric from trading.outside_moves m where m.asset = 'SOL'), 1::numeric, 'but after a minute');

select * from finish();
rollback;
