begin;
select plan(11);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
grant select on t to public;
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
create temp table s as select * from tests.order_of('one', 'stop_loss');
create temp table p as select id from tests.position_of('one');
grant select on p to public;
create function pg_temp.fill(p_quantity text) returns jsonb language sql as $$
  select jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(jsonb_build_object('trade_id', '9', 'exchange_order_id', s.binance_order_id,
    'price', '95', 'quantity', p_quantity, 'value', (95 * p_quantity::numeric)::text, 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL',
    'executed_at', trading.engine_now()))) from s
$$;
create function pg_temp.look(p_quantity text) returns text language plpgsql as $$
declare
  v_call jsonb := tests.next_call();
begin
  if v_call ->> 'action' = 'lookup' then
    perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'filled', 1, '{"quantity": "1"}')));
    v_call := (select w.answer -> 'call' from tests.live_work w);
  end if;
  if v_call ->> 'action' = 'fills' then
    perform tests.answer(pg_temp.fill(p_quantity));
  end if;
  return v_call ->> 'action';
end
$$;
create function pg_temp.release(p_request text) returns text language sql as $$
  select tests.answer_to('ann', format('select public.release(%L, p_request_id => %L)::text', (select id from p), md5(p_request)::uuid))
$$;

-- The exchange says the stop has sold one, and shows a fill of more.
select trading.queue_order_sync((select id from s), 'test', trading.engine_now());
select is(pg_temp.look('1.5'), 'fills', 'the fills are asked for');
select is((select q.code from trading.quarantines q where q.ended_at is null), 'report_conflict', 'what cannot be is set aside');
select trading.set_clock(trading.engine_now() + interval '1 minute');
delete from trading.jobs where status = 'queued';
update trading.exchange_clocks set measured_at = trading.engine_now();

select is(pg_temp.release('a')::jsonb - 'position_id', '{"symbol": null, "released": 0, "asked": 1}', 'a release has the exchange asked again');
select is(pg_temp.look('1.5'), 'fills', 'at once');
select ok(trading.is_quarantined((select account from t), 'SOLUSDT'), 'the same answer releases nothing');
select trading.set_clock(trading.engine_now() + interval '1 minute');
update trading.exchange_clocks set measured_at = trading.engine_now();
select is(pg_temp.look('1'), 'fills', 'it is asked again');
select is((select q.ended_by from trading.quarantines q), 'release ' || trading.caller_name(), 'an answer that agrees ends it');
select is((select q.release_asked_by from trading.quarantines q), 'user:' || tests.user_id('ann'), 'and who wanted that is known');
select ok(not tests.has_alert('report_conflict'), 'its alert is resolved');
select is((select status from tests.position_of('one')), 'closed', 'the sale is booked');
select is((trading.check_books() - 'jobs_left')::text, '{"audit_gaps": 0, "ledger_imbalance": 0, "balances_vs_ledger": 0, "positions_vs_fills": 0, "unprotected_positions": 0}',
  'and the books are right');

select * from finish();
rollback;
