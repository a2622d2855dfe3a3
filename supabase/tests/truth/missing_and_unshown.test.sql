-- A stop executes in part. The balances and the list of open orders say so; for a while the list of executions does not. Those
-- coins are not missing as well, and what is left is guarded and sold.
begin;
select plan(13);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}');
delete from trading.jobs where status = 'queued';
create function pg_temp.stop() returns public.orders language sql as $$ select tests.order_of('one', 'stop_loss') $$;
create function pg_temp.says(p_executed text, p_status text default 'partially_filled') returns jsonb language sql as $$
  select jsonb_build_object('client_order_id', o.client_order_id, 'exchange_order_id', o.binance_order_id, 'symbol', o.symbol, 'side', 'SELL',
    'status', p_status, 'quantity', '1', 'executed_quantity', p_executed) from pg_temp.stop() o
$$;
-- The questions that a comparison has queued are the test's to answer.
create function pg_temp.compare() returns text language plpgsql as $$
declare
  v_found jsonb;
begin
  delete from trading.jobs where status = 'queued';
  v_found := tests.compare((select account from t), '{"USDT": 9938, "SOL": 0.6}', jsonb_build_array(pg_temp.says('0.4')));
  return (select string_agg(d ->> 'kind', ',' order by d ->> 'kind') from jsonb_array_elements(v_found) d);
end
$$;
create function pg_temp.sold() returns numeric language plpgsql as $$
declare
  v_call jsonb;
begin
  perform trading.set_clock(trading.engine_now() + interval '2 seconds');
  update trading.exchange_clocks set measured_at = trading.engine_now();
  v_call := tests.next_call();
  while v_call is not null loop
    if v_call ->> 'action' in ('replace', 'submit') then
      return (coalesce(v_call #> '{request,order}', v_call -> 'request') ->> 'quantity')::numeric;
    end if;
    perform tests.answer('{"outcome": "accepted", "fills": []}');
    v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
  end loop;
  return null;
end
$$;

-- Only the list of open orders has said it ---------------------------------------------------------------------------------------
select is(pg_temp.compare(), 'order_executed_more', 'an order that is listed with more executed than the books know is found');
select is((select count(*) from trading.jobs j where j.status = 'queued' and j.kind = 'sync' and j.order_id = (pg_temp.stop()).id), 1::bigint, 'and asked about');
select is(pg_temp.compare(), 'order_executed_more', 'however often it is listed so');
select is(trading.missing_coins(position), 0::numeric, 'its coins are not missing') from t;
select is((select count(*) from trading.outside_moves where kind = 'cash'), 0::bigint, 'nor did the owner pay in what they were sold for');

-- The order itself denies it, and the list goes on ---------------------------------------------------------------------------------
savepoint s;
select trading.fold_venue_report((pg_temp.stop()).id, pg_temp.says('0', 'working'), trading.engine_now() + interval '1 second');
select is(pg_temp.compare(), 'cash_moved,coins_missing,order_executed_more', 'an order that was asked since and says less is believed, not its list');
rollback to s;

-- Coins that were found missing before the order was heard of ------------------------------------------------------------------------
select trading.apportion_missing(account, 'SOL', 0.4, trading.engine_now()) from t;
select trading.fold_venue_report((pg_temp.stop()).id, pg_temp.says('0.4'), trading.engine_now());
delete from trading.jobs where status = 'queued';
select is((trading.missing_coins(position), trading.unshown_quantity(position))::text, '(0,0.4)', 'missing, and then said to be sold by the stop, which has the rest locked: they were not missing') from t;
savepoint s;
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "stop_loss"}')
from tests.position_of('one') p;
select is(coalesce(pg_temp.sold(), pg_temp.sold()), 0.6, 'an exit sells the 0.6 that are there');
rollback to s;
select trading.fold_venue_report((pg_temp.stop()).id, pg_temp.says('0.4', 'cancelled'), trading.engine_now());
select is((trading.plan_guard(p)).quantity, 0.6, 'and where the stop has ended another one is for them') from tests.position_of('one') p;
update trading.quarantines set missing_quantity = 0.5;
select is((trading.plan_guard(p)).quantity, 0.5, 'more that is missing is not there') from tests.position_of('one') p;
update public.orders set venue_executed_quantity = 0.6 where id = (pg_temp.stop()).id;
select is((trading.plan_guard(p)).quantity, 0.4, 'nor is more that was sold') from tests.position_of('one') p;
select is((trading.plan_guard(p)).obstacle, null, 'what is left is no dust') from tests.position_of('one') p;
update trading.quarantines set missing_quantity = 1;
select is((trading.plan_guard(p)).quantity, 0::numeric, 'nothing is left of it when all is missing') from tests.position_of('one') p;

select * from finish();
rollback;
