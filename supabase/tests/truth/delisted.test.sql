begin;
select plan(24);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, 1::numeric as sol;
grant select on t to public;
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();

-- The exchange strikes the symbol off its list: whatever names it is refused (-1121). The coins are still there.
create function pg_temp.let_pass(p_for interval) returns bigint language plpgsql as $$
declare
  v_call    jsonb;
  v_refused bigint := 0;
  v_until   timestamptz := trading.engine_now() + p_for;
begin
  while trading.engine_now() < v_until loop
    perform trading.set_clock(trading.engine_now() + interval '5 seconds');
    update trading.exchange_clocks set measured_at = trading.engine_now();
    perform trading.sweep(trading.engine_now());
    v_call := tests.next_call();
    while v_call is not null loop
      v_refused := v_refused + (v_call ->> 'symbol' is not null)::int;
      perform tests.answer(case
        when v_call ->> 'symbol' is not null then '{"outcome": "rejected", "reason": "symbol_not_trading", "code": -1121, "message": "Invalid symbol."}'
        when v_call ->> 'action' = 'open_orders' then '{"outcome": "accepted", "orders": []}'
        else jsonb_build_object('outcome', 'accepted', 'account', '{"uid": "uid-ann", "can_trade": true}'::jsonb, 'balances', jsonb_build_array(
          '{"asset": "USDT", "free": "9900", "locked": "0"}'::jsonb, jsonb_build_object('asset', 'SOL', 'free', (select sol::text from t), 'locked', '0'))) end);
      v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
    end loop;
  end loop;
  return v_refused;
end
$$;
select pg_temp.let_pass('2 minutes');
select isnt((select i.doubted_at from public.instruments i where i.symbol = 'SOLUSDT'), null, 'the list of symbols is fetched again');
select trading.apply_instruments('[]', 'tests', true);
select ok(not tests.has_alert('filters_doubted', 'SOLUSDT'), 'which ends the doubt about its filters');
select cmp_ok(pg_temp.let_pass('10 minutes'), '<', 40::bigint, 'what is refused is asked a few times a minute at most');
select is((select (p.status, p.quantity::numeric, o.state)::text from tests.position_of('one') p, tests.order_of('one', 'stop_loss') o), '(open,1,working)',
  'the position is open with its coins; nobody has said that its stop ended');
select ok(tests.has_alert('symbol_not_trading', (tests.position_of('one')).id::text), 'its owner is told that it cannot be sold');
select is((select severity from public.alerts where code = 'symbol_not_trading'), 'critical', 'in earnest');
select ok(tests.has_alert('symbol_not_compared'), 'and that nothing can be asked about the symbol');
select is((select count(*) from trading.engine_stops s where s.fired_at is null), 1::bigint, 'the engine watches its stop');
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('one') p;
select pg_temp.let_pass('30 seconds');
select is((select j.status || ' ' || (j.last_error ->> 'code') from trading.jobs j where j.key = 'sell'), 'queued symbol_not_trading', 'a sale waits');
select is((select count(*) from public.orders where role = 'exit'), 0::bigint, 'and places nothing');

-- A look at the orders of all symbols is without the stop, and another one.
delete from trading.jobs where kind = 'sync' and status = 'queued';
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}', '[]');
select is((tests.order_of('one', 'stop_loss')).state, 'working', 'one look at the orders of all symbols proves nothing');
delete from trading.jobs where kind = 'sync' and status = 'queued';
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}', '[]');
select is((select (o.state, o.error_code)::text from tests.order_of('one', 'stop_loss') o), '(cancelled,symbol_delisted)', 'a stop that two of them are without went with its symbol');
select pg_temp.let_pass('10 seconds');
select is((select count(*) from trading.engine_stops s where s.fired_at is null and s.naked_since is not null), 1::bigint, 'the engine''s stop stands alone');
select ok(tests.has_alert('position_unguarded'), 'which is told');
select is((select count(*) from trading.quarantines), 0::bigint, 'nothing is missing');

-- The owner takes the coins out of the account. ----------------------------------------------------------------------------
update t set sol = 0;
select pg_temp.let_pass('5 minutes');
select is((select (q.code, q.missing_quantity::numeric)::text from trading.quarantines q where q.ended_at is null), '(coins_missing,1)', 'then the position is set aside');
select tests.act_as_user('ann');
select is(public.write_off((tests.position_of('one')).id, 1, 'withdrawn after the delisting') ->> 'status', 'closed', 'its owner writes it off');
select tests.act_as_owner();
select pg_temp.let_pass('5 minutes');
select is((select (p.status, p.exit_reason, p.realized_pnl::numeric)::text from tests.position_of('one') p), '(closed,written_off,-100)', 'its cost is a loss');
select is((select count(*) from public.audit_log where action = 'position_written_off'), 1::bigint, 'audited');
select is((select count(*) from trading.quarantines where ended_at is null), 0::bigint, 'nothing is set aside any more');
select is((select count(*) from trading.jobs where status in ('queued', 'running')), 0::bigint, 'no work is left');
select is(array(select a.code from public.alerts a where a.resolved_at is null and a.subject_id like any (select '%' || x || '%' from (values ((tests.position_of('one')).id::text), ('SOLUSDT')) v (x))
  and a.code <> 'prices_missing'), '{}'::text[], 'nor a warning about it');
select is((trading.check_books() ->> 'balances_vs_ledger')::int + (trading.check_books() ->> 'ledger_imbalance')::int + (trading.check_books() ->> 'positions_vs_fills')::int, 0, 'the books are balanced');
select is(pg_temp.let_pass('10 minutes'), 0::bigint, 'and nobody asks about the symbol any more');

select * from finish();
rollback;
