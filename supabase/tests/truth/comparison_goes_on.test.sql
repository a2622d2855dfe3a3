begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.later(p_by interval) returns void language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
end
$$;
-- A scheduled comparison; what is asked about SOLUSDT is refused when the symbol is not known any more.
create function pg_temp.compare(p_is_known boolean, p_more jsonb default '{}') returns text[] language plpgsql as $$
declare
  v_call jsonb;
  v_done text[] := '{}';
begin
  perform pg_temp.later('61 seconds');
  perform trading.queue_account_check((select account from t), 'schedule', trading.engine_now());
  v_call := tests.next_call();
  while v_call is not null loop
    v_done := v_done || (v_call ->> 'action');
    perform tests.answer(case
      when v_call ->> 'symbol' is not null and not p_is_known then '{"outcome": "rejected", "reason": "symbol_not_trading", "code": -1121, "message": "Invalid symbol."}'
      else '{"outcome": "accepted"}' || case v_call ->> 'action'
        when 'balances' then '{"account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "9900", "locked": "0"}, {"asset": "SOL", "free": "1", "locked": "0"}]}'::jsonb
        when 'open_orders' then jsonb_build_object('orders', tests.listed((select account from t))) || p_more
        else '{"fills": []}' end end);
    v_call := (select w.answer -> 'call' from tests.live_work w);
  end loop;
  return v_done;
end
$$;
select tests.buy_live('one', 'alpha');
select tests.rest_guard();
select pg_temp.compare(true);

-- A symbol is struck off ------------------------------------------------------------------------------------------------
select is((pg_temp.compare(false))[1:2], '{balances,open_orders}', 'the open orders of the symbol are asked for');
select is((select max(c.started_at) from trading.account_checks c), trading.engine_now(), 'that the symbol is not known ends no comparison');
select ok(tests.has_alert('symbol_not_compared', '%:SOLUSDT'), 'its owner is told');
select is((select count(*) from trading.jobs j where j.kind = 'sync' and j.order_id is not null and j.status = 'queued'), 2::bigint, 'what became of its orders is asked order by order');
delete from trading.jobs where status = 'queued';
select pg_temp.compare(true);
select ok(not tests.has_alert('symbol_not_compared'), 'known again, it is compared again');

-- An order of the owner's own that cannot be read -------------------------------------------------------------------------
select pg_temp.compare(true, '{"unread_orders": [{"symbol": "SOLUSDT", "client_order_id": "web_9", "exchange_order_id": "9"}]}');
select ok(tests.has_alert('orders_outside'), 'an order that cannot be read is told as the owner''s own');
select is((select count(*) from trading.quarantines), 0::bigint, 'and disturbs nothing');

-- Away for long -----------------------------------------------------------------------------------------------------------
select pg_temp.later('21 days');
select is(trading.fills_since_ms((select account from t), 'SOLUSDT', trading.engine_now()),
  floor(extract(epoch from trading.engine_now() - interval '19 days') * 1000)::bigint, 'after three weeks executions are asked for as far back as can be');
select ok(tests.has_alert('fills_out_of_reach', '%:SOLUSDT'), 'what is not covered is said');

-- Never compared ----------------------------------------------------------------------------------------------------------
select trading.watch_comparisons(trading.engine_now());
select ok(not tests.has_alert('comparison_stalled'), 'after a pause the first comparison has its time');
select trading.queue_account_check((select account from t), 'schedule', trading.engine_now());
select is(tests.next_call() ->> 'action', 'balances', 'it is tried');
select tests.answer('{"outcome": "unknown", "reason": "malformed_answer"}');
select pg_temp.later('6 minutes');
select trading.watch_comparisons(trading.engine_now());
select ok(tests.has_alert('comparison_stalled'), 'one that was tried and came to no end is told');
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}');
select is((select max(c.started_at) from trading.account_checks c), trading.engine_now(), 'it comes to an end');
select trading.watch_comparisons(trading.engine_now());
select ok(not tests.has_alert('comparison_stalled'), 'which resolves it');

select * from finish();
rollback;
