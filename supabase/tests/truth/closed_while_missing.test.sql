begin;
select plan(10);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.sold(p_order public.orders, p_quantity numeric) returns void language sql as $$
  select trading.fold_venue_report(p_order.id, tests.venue_report(jsonb_build_object('client_order_id', p_order.client_order_id), 'filled', p_quantity,
    jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', 'late ' || p_order.id, 'price', '95', 'quantity', p_quantity::text,
      'value', (p_quantity * 95)::text, 'fee', '0', 'fee_asset', 'USDT', 'executed_at', trading.engine_now())))), trading.engine_now())
$$;

-- The stop sold everything, and the exchange took half a minute to tell.
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.compare((select account from t), '{"USDT": 9900}', '[]');
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9900}', '[]');
select is((select q.missing_quantity::numeric from trading.quarantines q where q.ended_at is null), 1::numeric, 'coins that a late sale took are missed');
select pg_temp.sold(o, 1) from tests.order_of('one', 'stop_loss') o;
select is((tests.position_of('one')).status, 'closed', 'the sale explains them');
select tests.raises(format($$ select public.write_off(%L, 1, 'gone') $$, (tests.position_of('one')).id), 'FB409', 'nothing_missing', 'what a closed position lacked is nothing to write off');
select tests.obey();
select is(tests.compare((select account from t), '{"USDT": 9995}'), '[]'::jsonb, 'books and exchange agree');
select is((select count(*) from trading.quarantines q where q.ended_at is null), 0::bigint, 'a position that is over is not set aside');
select ok(not tests.has_alert('coins_missing'), 'and its alert is resolved');

-- What is left after a sale by hand is too little to be sold: it goes to the dust, which is not there either.
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select tests.buy_live('two', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.end_by_hand();
select tests.compare((select account from t), '{"USDT": 9895}') from generate_series(1, 2);
select public.adopt_external_fill((tests.position_of('two')).id, 100, 0.999, trading.engine_now());
select is((tests.position_of('two')).status, 'closed', 'what is left of the second one is too little to be sold');
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select tests.compare((select account from t), '{"USDT": 9994.9}') from generate_series(1, 2);
select is((select count(*) from trading.quarantines q where q.ended_at is null), 0::bigint, 'it is not set aside any more');
select is((select coalesce(sum(quantity::numeric), 0) from trading.dust_pools), 0::numeric, 'and dust that is not there is written down');
select is((trading.check_books() ->> 'balances_vs_ledger')::int, 0, 'the books are right');

select * from finish();
rollback;
