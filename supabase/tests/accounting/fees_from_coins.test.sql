begin;
select plan(33);
select tests.open_desk();
select tests.list_symbol('BNBUSDT');
select tests.tick(600, 600, p_symbol => 'BNBUSDT');
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;

create function pg_temp.buy(p_signal text, p_symbol text, p_fee numeric) returns void language plpgsql as $$
declare
  v_call jsonb;
begin
  delete from trading.jobs where status = 'queued' and payload ? 'account_id';
  perform tests.tick(99.99, 100);
  perform tests.tick(600, 600, p_symbol => 'BNBUSDT');
  update trading.exchange_clocks set measured_at = trading.engine_now();
  perform tests.decide(p_signal, 'alpha', case p_symbol when 'BNBUSDT' then '{"stopLoss": 590}' else '{"stopLoss": 95, "takeProfit": [120]}' end::jsonb, p_symbol => p_symbol);
  v_call := tests.next_call();
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'filled', (v_call #>> '{request,quantity}')::numeric,
    jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', p_signal, 'price', v_call #>> '{request,price}', 'quantity', v_call #>> '{request,quantity}',
      'fee', p_fee::text, 'fee_asset', 'BNB', 'is_maker', false, 'executed_at', trading.engine_now()))))));
end
$$;
-- The target of SOL sells a tenth; its fee is taken in BNB.
create function pg_temp.sell_some(p_fee numeric) returns void language plpgsql as $$
declare
  v_order public.orders := tests.order_of('sol', 'take_profit', 1);
begin
  perform trading.fold_venue_report(v_order.id, jsonb_build_object('status', 'partially_filled', 'executed_quantity', (v_order.filled_quantity + 0.01)::text,
    'fills', jsonb_build_array(jsonb_build_object('trade_id', 'part ' || v_order.filled_quantity, 'price', '120', 'quantity', '0.01', 'value', '1.2', 'fee', p_fee::text,
      'fee_asset', 'BNB', 'is_maker', true, 'executed_at', trading.engine_now()))), trading.engine_now());
  delete from trading.jobs j where j.status = 'queued' and j.position_id = v_order.position_id;
end
$$;
create function pg_temp.held(p_signal text) returns numeric language sql as $$ select (tests.position_of(p_signal)).quantity::numeric $$;
create function pg_temp.compare(p_bnb numeric) returns jsonb language sql as $$
  select tests.compare((select account from t), jsonb_build_object('USDT', trading.managed_quantity((select account from t), 'USDT')::text,
    'SOL', trading.managed_quantity((select account from t), 'SOL')::text, 'BNB', p_bnb::text))
$$;
create function pg_temp.wrong() returns jsonb language sql as $$
  select jsonb_object_agg(k, v) from jsonb_each(trading.check_books()) b (k, v) where k <> 'jobs_left' and v <> '0'
$$;

select pg_temp.compare(0.0003) from generate_series(1, 2);
select pg_temp.buy('bnb', 'BNBUSDT', 0.000125);
select tests.rest_guard();
select is((pg_temp.held('bnb'), (tests.order_of('bnb', 'stop_loss')).quantity::numeric)::text, '(0.165875,0.165)', 'BNB bought with a fee in BNB: a lot remainder is in no stop');
insert into trading.dust_pools values ((select account from t), 'BNB', 0.0001, 0.05);
insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
select md5('dust')::uuid, account, 'BNB', b, a, 'tests', md5('dust')::uuid, trading.engine_now() from t, (values ('market', -0.0001), ('dust', 0.0001)) e (b, a);
select is(pg_temp.compare(0.166275), '[]'::jsonb, 'the exchange has it, the dust, and what is the owner''s own');

-- A fee of another position: the owner's own coins, dust, then the position ------------------------------------------
select pg_temp.buy('sol', 'SOLUSDT', 0.0005);
select tests.rest_guard();
select is((tests.position_of('sol')).fees_paid::numeric, 0.3, 'the position that paid bears all of its fee');
select is(trading.outside_quantity((select account from t), 'BNB'), 0::numeric, 'the owner''s own coins paid first');
select is((select (trim_scale(d.quantity), trim_scale(d.cost))::text from trading.dust_pools d where d.asset = 'BNB'), '(0,0)', 'then dust');
select is(pg_temp.held('bnb'), 0.165775, 'then what no sell locks of the position');
select is((select (p.realized_pnl + trading.divide_half_even(99.6 * 0.0001, 0.165875))::numeric from tests.position_of('bnb') p), 0.06, 'which is credited with what the fee was charged at');
select is((select array_agg((k.position_id is null, trim_scale(k.quantity), trim_scale(k.value))::text order by k.value) from trading.fee_takings k), '{"(t,0.0001,0)","(f,0.0001,0.06)"}',
  'both are written down');
select is((select count(*) from public.audit_log where action = 'fee_taken'), 2::bigint, 'and audited');
select is((select sum(r.realized)::numeric from trading.daily_results r), (tests.position_of('bnb')).realized_pnl::numeric, 'the day''s result has it once');
select is(pg_temp.compare(0.165775), '[]'::jsonb, 'the exchange agrees');
select is(pg_temp.wrong(), null, 'and so do the books');

-- Several before the next comparison ---------------------------------------------------------------------------------
select pg_temp.sell_some(0.0001);
select pg_temp.sell_some(0.0002);
select is(pg_temp.held('bnb'), 0.165475, 'several fees are taken one by one');
select pg_temp.compare(0.165475) from generate_series(1, 2);
select is(pg_temp.compare(0.165475), '[]'::jsonb, 'and agree with the exchange');
select is((select count(*) from trading.quarantines), 0::bigint, 'nobody is set aside');

-- The last lot step --------------------------------------------------------------------------------------------------
select pg_temp.buy('new', 'BNBUSDT', 0.000125);
select pg_temp.sell_some(0.0015);
select is(pg_temp.held('bnb'), 0.165, 'what rests at the exchange is locked there: it stays');
select is(pg_temp.held('new'), 0.16485, 'the rest comes out of the position opened after it, that has no stop yet');
create temp table guard as select tests.next_call() as call;
select is((select call #>> '{request,quantity}' from guard), '0.164', 'whose stop is for what is there');
select pg_temp.sell_some(0.0012);
select is(pg_temp.held('new'), 0.164, 'while that stop is on its way its coins count as locked');
select tests.answer('{"outcome": "rejected", "reason": "insufficient_funds", "code": "-2010", "message": "Account has insufficient balance for requested action."}');
select is(pg_temp.held('new'), 0.16365, 'when it is refused they were not');
select tests.tick(600, 600, p_symbol => 'BNBUSDT', p_after => '5 seconds');
update trading.exchange_clocks set measured_at = trading.engine_now();
update guard set call = tests.next_call() where true;
select is((select call #>> '{request,quantity}' from guard), '0.163', 'and the next one is for a lot step less');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(call -> 'request', 'working'))) from guard;
delete from trading.jobs where status = 'queued';
select pg_temp.compare(0.32865) from generate_series(1, 2);
select is(pg_temp.compare(0.32865), '[]'::jsonb, 'the exchange agrees');
select is(pg_temp.wrong(), null, 'and so do the books');

-- The owner's own coins had left before ------------------------------------------------------------------------------
select pg_temp.compare(1.32865) from generate_series(1, 2);
select pg_temp.compare(1.32865);
select pg_temp.sell_some(0.0006);
select is(pg_temp.held('new'), 0.16365, 'a fee is charged to the owner''s coins as they were last seen');
select pg_temp.compare(0.32825) from generate_series(1, 3);
select is(pg_temp.held('new'), 0.16325, 'where they were gone by then, the comparison finds out');
select is((select count(*) from trading.quarantines), 0::bigint, 'sets nobody aside');
select is(pg_temp.compare(0.32825), '[]'::jsonb, 'and agrees');
select is(pg_temp.wrong(), null, 'with the books');

-- What is left of a position that cannot be sold any more -------------------------------------------------------------
select pg_temp.buy('last', 'BNBUSDT', 0.000125);
select pg_temp.sell_some(0.162);
select is((select concat_ws(' ', p.status, p.exit_reason, trim_scale(p.dust_quantity)) from tests.position_of('last') p), 'closed dust 0.004125', 'is closed as dust');
select is((select s.status from public.signals s where s.id = tests.signal_id('last')), 'completed', 'and its signal with it');
delete from trading.jobs where status = 'queued';
select is(pg_temp.compare(0.332125), '[]'::jsonb, 'the exchange agrees');
select is(pg_temp.wrong(), null, 'and so do the books');

select tests.end_by_hand();
select pg_temp.compare(0.32) from generate_series(1, 2);
select is((select array_agg(q.code) from trading.quarantines q), '{coins_missing}', 'what no fee explains is missed as before');

select * from finish();
rollback;
