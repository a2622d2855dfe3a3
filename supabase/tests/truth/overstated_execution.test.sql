-- One answer says that a resting target has executed; it has not, and later answers say so.
begin;
select plan(23);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha');
select tests.rest_guard();
select tests.compare((select account from t), '{"SOL": 1, "USDT": 9900}');
delete from trading.jobs where status = 'queued';
create temp table asked (n serial, action text, role text);
create temp table told (executed numeric, status text, updated_ms numeric, lists boolean);
insert into told values (0, 'working', 1000, true);
create function pg_temp.report(p_order public.orders, p_executed numeric, p_status text, p_updated_ms numeric) returns jsonb language sql as $$
  select jsonb_build_object('client_order_id', p_order.client_order_id, 'exchange_order_id', p_order.binance_order_id, 'status', p_status,
    'quantity', p_order.quantity::text, 'executed_quantity', p_executed::text, 'updated_at_ms', p_updated_ms)
$$;
create function pg_temp.tell(p_executed numeric, p_status text, p_updated_ms numeric) returns void language sql as $$
  select trading.fold_venue_report(o.id, pg_temp.report(o, p_executed, p_status, p_updated_ms), trading.engine_now()) from tests.order_of('one', 'take_profit', 1) o
$$;
create function pg_temp.says(p_call jsonb) returns jsonb language plpgsql as $$
declare
  v_request jsonb := p_call -> 'request';
  v_new     jsonb := coalesce(v_request -> 'order', v_request);
  v_old     public.orders;
begin
  select o.* into v_old from public.orders o
  where o.client_order_id = coalesce(v_request ->> 'cancel_client_order_id', v_request ->> 'client_order_id') or o.binance_order_id = v_request ->> 'exchange_order_id';
  insert into asked (action, role) values (p_call ->> 'action', v_old.role);
  return '{"outcome": "accepted"}' || (select case p_call ->> 'action'
      when 'lookup' then jsonb_build_object('order', pg_temp.report(v_old, case v_old.role when 'take_profit' then told.executed else 0 end, told.status, told.updated_ms))
      when 'fills' then case when told.lists then '{"fills": []}' else '{"outcome": "unknown", "reason": "no_answer"}' end::jsonb
      else jsonb_build_object('cancelled', pg_temp.report(v_old, 0, 'cancelled', 2000), 'order', tests.venue_report(v_new, 'filled',
        (v_new ->> 'quantity')::numeric, jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', v_new ->> 'client_order_id',
          'price', '110', 'quantity', v_new ->> 'quantity', 'value', (110 * (v_new ->> 'quantity')::numeric)::text, 'fee', '0',
          'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL', 'executed_at', trading.engine_now()))))) end from told);
end
$$;
-- What is asked then.
create function pg_temp.play(p_after interval) returns text language plpgsql as $$
begin
  delete from asked;
  perform tests.converse(p_after);
  return (select string_agg(concat_ws(' ', a.action, a.role), ', ' order by a.n) from asked a);
end
$$;
create function pg_temp.said() returns numeric language sql as $$ select trim_scale(o.venue_executed_quantity) from tests.order_of('one', 'take_profit', 1) o $$;
create function pg_temp.ask() returns void language sql as $$ select trading.queue_order_sync(o.id, 'test', trading.engine_now()) from tests.order_of('one', 'take_profit', 1) o $$;

select pg_temp.tell(0.3, 'partially_filled', 1000);
delete from trading.jobs where status = 'queued';
savepoint told;

-- The question loop ends by itself ----------------------------------------------------------------------------------------------------
select pg_temp.ask();
select is(pg_temp.play('1 second'), 'lookup take_profit, fills take_profit, lookup stop_loss', 'its fills are asked for, and its stop');
select is(pg_temp.said(), 0.3, 'an answer of a moment later that says less may be a reader''s that is behind');
select is(trading.unsettled_assets((select account from t), trading.engine_now()), '{BNB,SOL,USDT}', 'while that is open, nothing of it is compared');
select is(pg_temp.play('11 seconds'), 'lookup take_profit', 'later it is the truth, and nothing more is asked');
select is(pg_temp.said(), 0::numeric, 'what was said is taken back');
select is((select (a.detail ->> 'said') || ' ' || (a.detail ->> 'says') from public.audit_log a where a.action = 'execution_taken_back'), '0.3 0', 'which is on record');
select is(trading.unsettled_assets((select account from t), trading.engine_now()), '{}', 'the account can be compared');
select is((tests.order_of('one', 'take_profit', 1)).finished_at, null, 'the target rests on');
select is((select string_agg(o.role, ' ' order by o.role) from public.orders o where o.side = 'SELL' and o.finished_at is null), 'stop_loss take_profit', 'and its stop');

-- What does not prove it ----------------------------------------------------------------------------------------------------------------
rollback to told;
select pg_temp.ask();
select pg_temp.play('1 second');
select trading.set_clock(trading.engine_now() + interval '20 seconds');
select pg_temp.tell(0, 'working', 999);
select is(pg_temp.said(), 0.3, 'an older report takes nothing back, however late it comes');
select pg_temp.tell(0.2, 'partially_filled', 1000);
select is(pg_temp.said(), 0.2, 'one that is not older takes back what it does not say');
rollback to told;
update told set lists = false;
select pg_temp.ask();
select pg_temp.play('1 second');
select pg_temp.play('20 seconds');
select is(pg_temp.said(), 0.3, 'while the list of executions is silent, neither does any');

-- It is told of ---------------------------------------------------------------------------------------------------------------------------
select trading.watch_unshown(trading.engine_now());
select ok(not tests.has_alert('fills_missing'), 'nobody is told of a moment');
select trading.set_clock(trading.engine_now() + interval '1 minute');
select trading.watch_unshown(trading.engine_now());
select trading.watch_unshown(trading.engine_now());
select is((select (a.severity, a.occurrences, a.detail ->> 'executed')::text from public.alerts a where a.code = 'fills_missing'), '(critical,1,0.3)', 'of a minute its owner is');
update told set lists = true;
select pg_temp.play('20 seconds');
select pg_temp.play('20 seconds');
select ok(not tests.has_alert('fills_missing'), 'what ends the doubt ends the alert');

-- A sale ----------------------------------------------------------------------------------------------------------------------------------
rollback to told;
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('one') p;
select pg_temp.play('0');
update told set status = 'cancelled', updated_ms = 2000;
select pg_temp.play('1.1 seconds');
select is((tests.position_of('one')).quantity::numeric, 0::numeric, 'a sale sells what the stop has locked: while that rests the other leg of its list has sold nothing');
select pg_temp.ask();
select pg_temp.play('11 seconds');
select is((tests.order_of('one', 'take_profit', 1)).state, 'cancelled', 'the target is over, with less than it had said');
select is((select (p.status, p.exit_reason, trim_scale(p.realized_pnl))::text from tests.position_of('one') p), '(closed,manual,10)', 'and the rest is sold');
select is((select sum(t.quantity::numeric) from public.trades t where t.side = 'SELL'), 1::numeric, 'each coin once');
select is((select status from trading.jobs where key = 'sell'), 'done', 'by the same job');
select is((trading.check_books() - 'jobs_left')::text, '{"audit_gaps": 0, "ledger_imbalance": 0, "balances_vs_ledger": 0, "positions_vs_fills": 0, "unprotected_positions": 0}',
  'the books are right');

-- The end of all of it, said and not so ---------------------------------------------------------------------------------------------------
rollback to told;
select pg_temp.tell(1, 'filled', 1000);
select pg_temp.ask();
select pg_temp.play('1 second');
select is((trading.resting_guard((tests.position_of('one')).id)).role, 'stop_loss', 'one that says it is filled');
select pg_temp.play('11 seconds');
select is((select v.venue_status from trading.venue_orders v where v.order_id = (tests.order_of('one', 'take_profit', 1)).id), 'working', 'takes its end back, too');

select * from finish();
rollback;
