-- Coins were found missing, and then the exchange shows that the stop has sold them: they are taken off once.
begin;
select plan(11);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}');
delete from trading.jobs where status = 'queued';
create function pg_temp.lacks(p_missing numeric) returns void language sql as $$ select trading.apportion_missing(account, 'SOL', p_missing, trading.engine_now()) from t $$;
create function pg_temp.fill(p_quantity text) returns jsonb language sql as $$
  select jsonb_build_object('trade_id', 'sold ' || p_quantity, 'price', '95', 'quantity', p_quantity, 'value', (95 * p_quantity::numeric)::text, 'fee', '0', 'fee_asset', 'USDT',
    'is_maker', false, 'side', 'SELL', 'executed_at', trading.engine_now())
$$;
create function pg_temp.stop_says(p_status text, p_executed text, p_shown text default null) returns void language plpgsql as $$
begin
  perform trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id, 'quantity', o.quantity::text), p_status, p_executed::numeric,
    jsonb_build_object('fills', case when p_shown is null then '[]' else jsonb_build_array(pg_temp.fill(p_shown)) end)), trading.engine_now())
  from tests.order_of('one', 'stop_loss') o;
  delete from trading.jobs where status = 'queued';
end
$$;
create function pg_temp.books() returns text language sql as $$
  select format('%s held, %s missing, %s to guard', trim_scale(p.quantity), trim_scale(trading.missing_coins(p.id)), trim_scale((trading.plan_guard(p)).quantity)) from tests.position_of('one') p
$$;

-- The stop was for all of it -----------------------------------------------------------------------------------------------------------
savepoint s;
select pg_temp.lacks(0.4);
select pg_temp.stop_says('cancelled', '0.4');
select is(pg_temp.books(), '1 held, 0.4 missing, 0.6 to guard', 'missing, and then said to be sold: that counts once');
select pg_temp.stop_says('cancelled', '0.4', '0.4');
select is(pg_temp.books(), '0.6 held, 0 missing, 0.6 to guard', 'shown as sold they are not missing any more');
select is((select count(*) from trading.quarantines where ended_at is null), 1::bigint, 'but it is for a person to end it');
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "stop_loss"}') from tests.position_of('one') p;
select is(tests.next_call() #>> '{request,quantity}', '0.6', 'and all that is left is sold');
rollback to s;
select pg_temp.lacks(0.7);
select pg_temp.stop_says('cancelled', '0.4');
select pg_temp.stop_says('cancelled', '0.4', '0.4');
select is(pg_temp.books(), '0.6 held, 0.3 missing, 0.3 to guard', 'what is missing besides goes on missing: who ended the stop by hand can have taken it');
rollback to s;
select pg_temp.lacks(0.4);
select pg_temp.stop_says('partially_filled', '0.3', '0.3');
select is(pg_temp.books(), '0.7 held, 0 missing, 0.7 to guard', 'nor can what the stop still locks be missing');

-- The stop was for what is there beside the missing coins ---------------------------------------------------------------------------------
rollback to s;
select pg_temp.stop_says('cancelled', '0');
select pg_temp.lacks(0.4);
select trading.queue_protection(position, trading.engine_now()) from t;
select is(tests.rest_guard() #>> '{request,quantity}', '0.6', 'a stop for the rest');
select is(pg_temp.books(), '1 held, 0.4 missing, 0.6 to guard', 'that rests is no word about them');
savepoint rest;
select pg_temp.stop_says('filled', '0.6');
select pg_temp.stop_says('filled', '0.6', '0.6');
select is(pg_temp.books(), '0.4 held, 0.4 missing, 0 to guard', 'nor is what it sells: they are others');
rollback to rest;
update public.orders set quantity = 0.8 where role = 'stop_loss' and state = 'working';
select pg_temp.stop_says('cancelled', '0.5');
select pg_temp.stop_says('cancelled', '0.5', '0.5');
select is(pg_temp.books(), '0.5 held, 0.2 missing, 0.3 to guard', 'of one that was for more, no more than that can have been among them');
select is((trading.check_books() ->> 'balances_vs_ledger')::int, 0, 'the books are right');
select * from finish();
rollback;
