-- What a person has told to be sold while the account holds none of it.
begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}');
select tests.end_by_hand();
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 0}') from generate_series(1, 2);
delete from trading.jobs where status = 'queued';
update trading.settings set account_check_ms = 86400000, account_check_idle_ms = 86400000;
create temp table asked (n serial, call text);
create function pg_temp.says(p_call jsonb) returns jsonb language plpgsql as $$
declare
  v_order jsonb := coalesce(p_call #> '{request,order}', p_call -> 'request');
begin
  insert into asked (call) values (concat_ws(' ', p_call ->> 'action', v_order ->> 'type', v_order ->> 'quantity'));
  return '{"outcome": "accepted"}' || case when v_order ->> 'type' <> 'MARKET' then jsonb_build_object('order', tests.venue_report(v_order, 'working')) else
    jsonb_build_object('cancelled', tests.venue_report(jsonb_build_object('client_order_id', p_call #>> '{request,cancel_client_order_id}'), 'cancelled'),
      'order', tests.venue_report(v_order, 'filled', 1, jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', 'sold', 'price', '99',
        'quantity', '1', 'value', '99', 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL', 'executed_at', trading.engine_now()))))) end;
end
$$;
create function pg_temp.play(p_seconds int) returns text language plpgsql as $$
begin
  delete from asked;
  for n in 1 .. p_seconds / 2 loop
    perform trading.set_clock(trading.engine_now() + interval '2 seconds');
    perform trading.sweep(trading.engine_now());
    delete from trading.jobs where kind = 'sync' and status = 'queued';
    perform tests.converse();
  end loop;
  return (select string_agg(call, ', ' order by n) from asked);
end
$$;
create function pg_temp.exits() returns text language sql as $$ select string_agg(concat_ws(' ', j.status, coalesce(j.outcome, j.last_error) ->> 'code'), ', ') from trading.jobs j where j.kind = 'exit' $$;
select is(trading.missing_coins((tests.position_of('one')).id), 1::numeric, 'all of a position is missing');
savepoint missing;

select trading.set_trading_state('account', (select account from t), 'halted', true, 'tests', 'tests', trading.engine_now());
select is(pg_temp.play(60), null, 'an emergency stop finds nothing to sell');
select is(pg_temp.exits(), 'queued coins_missing', 'and does not give up');
select ok(tests.has_alert('exit_failed', (tests.position_of('one')).id::text), 'somebody is told that it is not flat');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}');
select is(pg_temp.play(4), 'submit MARKET 1', 'when the coins are back they are sold');
select is((tests.position_of('one')).status, 'closed', 'and the position is over');
select ok(not tests.has_alert('exit_failed'), 'which ends the alert');

rollback to missing;
select trading.enqueue_job('exit', 'hand', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('one') p;
select is(pg_temp.play(10), null, 'a close by hand waits, too');
select is(pg_temp.exits(), 'queued coins_missing', 'as its job says');

rollback to missing;
select trading.enqueue_job('exit', 'stop', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "stop_loss"}') from tests.position_of('one') p;
select is(pg_temp.play(2), null, 'a crossed stop');
select is(pg_temp.exits(), 'done coins_missing', 'leaves it to the price of later');
select ok(tests.has_alert('coins_missing', (tests.position_of('one')).id::text), 'of a position that its owner was told of');
select * from finish();
rollback;
