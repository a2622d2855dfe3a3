-- The exchange says what an order executed, and its list of executions stays empty: what is surely there is guarded and sold.
begin;
select plan(33);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
-- What the exchange says of the target, and what its list of executions has: null: it is silent.
create temp table told (executed numeric, status text, shown jsonb);
insert into told values (0.4, 'partially_filled', '[]');
create temp table asked (n serial, action text, role text, quantity numeric);
create function pg_temp.report(p_order public.orders) returns jsonb language sql as $$
  select jsonb_build_object('client_order_id', p_order.client_order_id, 'exchange_order_id', p_order.binance_order_id, 'status',
    case when p_order.attempt > 1 then 'working' when p_order.role = 'take_profit' then told.status else 'expired' end, 'quantity', p_order.quantity::text,
    'executed_quantity', case when p_order.role = 'take_profit' and p_order.attempt = 1 then told.executed when p_order.role = 'exit' then 0.7 else 0 end::text) from told
$$;
create function pg_temp.fill(p_id text, p_exchange_order_id text, p_quantity numeric, p_price numeric) returns jsonb language sql as $$
  select jsonb_build_object('trade_id', p_id, 'exchange_order_id', p_exchange_order_id, 'price', p_price::text, 'quantity', p_quantity::text,
    'value', (p_price * p_quantity)::text, 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL', 'executed_at', trading.engine_now())
$$;
create function pg_temp.says(p_call jsonb) returns jsonb language plpgsql as $$
declare
  v_request jsonb := p_call -> 'request';
  v_new     jsonb := coalesce(v_request -> 'order', v_request);
  v_old     public.orders;
begin
  select o.* into v_old from public.orders o
  where o.client_order_id = coalesce(v_request ->> 'cancel_client_order_id', v_request ->> 'client_order_id') or o.binance_order_id = v_request ->> 'exchange_order_id';
  insert into asked (action, role, quantity) values (p_call ->> 'action', case when p_call ->> 'action' <> 'submit' then v_old.role end, (v_new ->> 'quantity')::numeric);
  case p_call ->> 'action'
    when 'lookup' then
      return jsonb_build_object('outcome', 'accepted', 'order', pg_temp.report(v_old));
    when 'fills' then
      return (select case when shown is null then '{"outcome": "unknown", "reason": "no_answer"}' else jsonb_build_object('outcome', 'accepted', 'fills', shown) end from told);
    when 'check_order' then
      return '{"outcome": "accepted"}';
    when 'cancel' then
      update told set status = 'cancelled';
      return jsonb_build_object('outcome', 'accepted', 'order', pg_temp.report(v_old));
    else
      if p_call ->> 'action' = 'replace' then
        update told set status = 'cancelled';
      end if;
      return jsonb_strip_nulls(jsonb_build_object('outcome', 'accepted', 'cancelled', case p_call ->> 'action' when 'replace' then pg_temp.report(v_old) end,
        'order', case v_new ->> 'type' when 'MARKET' then tests.venue_report(v_new, 'filled', (v_new ->> 'quantity')::numeric,
          jsonb_build_object('fills', jsonb_build_array(pg_temp.fill('m' || (v_new ->> 'client_order_id'), 'x', (v_new ->> 'quantity')::numeric, 110))))
          else tests.venue_report(v_new, 'working') end));
  end case;
end
$$;
-- What is asked then.
create function pg_temp.play(p_after interval default '0') returns text language plpgsql as $$
begin
  delete from asked;
  perform tests.converse(p_after);
  return (select string_agg(concat_ws(' ', a.action, a.role, trim_scale(a.quantity)), ', ' order by a.n) from asked a);
end
$$;
-- The target has executed (0: was ended before): the exchange has ended the stop. p_own: coins of the owner's besides.
create function pg_temp.reach_target(p_signal text, p_own numeric default 0, p_executed numeric default 0.4) returns void language plpgsql as $$
begin
  update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
  delete from asked;
  update told set executed = p_executed, status = case p_executed when 0 then 'expired' else 'partially_filled' end, shown = '[]';
  perform tests.buy_live(p_signal, 'alpha');
  perform tests.rest_guard();
  perform trading.set_outside_quantity((select account from t), 'SOL', p_own, false, trading.engine_now());
  delete from trading.jobs where status = 'queued';
  perform trading.fold_venue_report(o.id, pg_temp.report(o), trading.engine_now()) from public.orders o
  where o.position_id = (tests.position_of(p_signal)).id and o.role in ('take_profit', 'stop_loss') order by o.role desc;
  delete from trading.jobs where status = 'queued';
end
$$;
create function pg_temp.sell(p_signal text) returns void language sql as $$
  select trading.enqueue_job('exit', 'sell ' || p_signal, p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
  from tests.position_of(p_signal) p
$$;
create function pg_temp.shown(p_signal text) returns jsonb language sql as $$
  select jsonb_build_array(pg_temp.fill(p_signal || ' target', (tests.order_of(p_signal, 'take_profit', 1)).binance_order_id, 0.4, 120))
$$;
create function pg_temp.books() returns text language sql as $$
  select (b ->> 'ledger_imbalance')::int + (b ->> 'positions_vs_fills')::int + (b ->> 'balances_vs_ledger')::int + (b ->> 'audit_gaps')::int || ' wrong' from trading.check_books() b
$$;

-- A sale waits a moment for the fills, and then sells what is there -----------------------------------------------------------------
savepoint s;
select pg_temp.reach_target('one');
select pg_temp.sell('one');
select is(pg_temp.play(), 'fills take_profit', 'a sale asks what the target has sold');
select is((select last_error ->> 'code' from trading.jobs where key = 'sell one'), 'fills_missing', 'and waits for it');
select is(pg_temp.play('1.1 seconds'), 'fills take_profit, replace take_profit 0.6', 'the second time it sells what the target has not');
select is((select (status, quantity::numeric, trim_scale(realized_pnl))::text from tests.position_of('one')), '(open,0.4,6)', 'what the target sold is still in the books');
select is((select (j.status, j.last_error ->> 'code')::text from trading.jobs j where key = 'sell one'), '(queued,fills_missing)', 'so the sale is not over');
select is(pg_temp.play('5 seconds'), 'fills take_profit', 'nothing is sold twice, nothing guarded that is gone');
select ok(tests.has_alert('exit_failed', (tests.position_of('one')).id::text), 'an alert says what it waits for');
update told set shown = pg_temp.shown('one');
select is(pg_temp.play('8 seconds'), 'fills take_profit', 'the list comes');
select is((select (status, exit_reason, trim_scale(realized_pnl))::text from tests.position_of('one')), '(closed,take_profit,14)', 'and closes the position');
select is((tests.order_of('one', 'take_profit', 1)).state, 'cancelled', 'the target is over, with what it executed');
select is((select status from trading.jobs where key = 'sell one'), 'done', 'the sale as well');
select is(pg_temp.books(), '0 wrong', 'the books are right');

-- Beside other coins what rests ends first, and the least counts ----------------------------------------------------------------------
rollback to s;
select pg_temp.reach_target('two', 5);
update told set shown = null;
select pg_temp.sell('two');
select is(pg_temp.play(), 'fills take_profit', 'a list that is silent');
update told set executed = 0.5;
select is(pg_temp.play('1.1 seconds'), 'check_order 0.6, cancel take_profit, submit 0.5', 'what it executed until it was cancelled is not sold from the owner''s coins');
select is((select sum(o.filled_quantity::numeric) from public.orders o where o.position_id = (tests.position_of('two')).id and o.role = 'exit'), 0.5, 'the rest is');
select is((tests.position_of('two')).quantity::numeric, 0.5, 'and the position is what its fills say');
select is(pg_temp.books(), '0 wrong', 'the books are right all the time');

-- The guard ---------------------------------------------------------------------------------------------------------------------------
rollback to s;
select pg_temp.reach_target('three');
select trading.queue_protection((tests.position_of('three')).id, trading.engine_now());
select is(pg_temp.play(), null, 'who guards leaves the question to who heard of the execution');
select is(pg_temp.play('1.1 seconds'), 'fills take_profit, replace take_profit 0.6', 'asks when that was in vain, and places a stop for what is there');
select is((select count(*) from trading.engine_stops s where s.position_id = (tests.position_of('three')).id and s.naked_since is null), 1::bigint, 'the position is not naked');
select trading.queue_protection((tests.position_of('three')).id, trading.engine_now());
select is(pg_temp.play('1 second'), null, 'that stop is the right one');
update told set shown = pg_temp.shown('three');
select trading.queue_order_sync((tests.order_of('three', 'take_profit', 1)).id, 'test', trading.engine_now());
select is(pg_temp.play('1 second'), 'lookup take_profit, fills take_profit', 'the fills come');
select is((select (p.status, p.quantity::numeric)::text from tests.position_of('three') p), '(open,0.6)', 'and leave what it is for');
select is(pg_temp.play('1 second'), null, 'it stands');

-- A fee in the coins that are sold is not taken from those that another order has sold ------------------------------------------------
select is((select (trim_scale(f.fee_outside), trim_scale((f.p_position).quantity))::text from trading.account_fill(
    jsonb_populate_record(null::public.positions, '{"quantity": 1, "cost": 100, "realized_pnl": 0, "fees_paid": 0, "exit_quantity": 0, "exit_value": 0}'),
    jsonb_populate_record(null::public.orders, '{"side": "SELL", "quantity": 0.6, "filled_quantity": 0}'),
    pg_temp.fill('f', 'x', 0.6, 110) || '{"fee": "0.001", "fee_asset": "SOL"}', 'SOL', 'USDT', 0.4) f), '(0.001,0.4)', 'it came from the owner''s own');

-- A rest too small to be sold is dust only when no other sale is open -----------------------------------------------------------------
rollback to s;
select pg_temp.reach_target('four');
update told set executed = 0.001;
select trading.fold_venue_report(o.id, pg_temp.report(o), trading.engine_now()) from tests.order_of('four', 'take_profit', 1) o;
select is(trading.unshown_quantity((tests.position_of('four')).id), 0.4, 'a reader that is behind takes nothing back');
rollback to s;
select pg_temp.reach_target('five');
update told set executed = 0.999;
select trading.fold_venue_report(o.id, pg_temp.report(o) || '{"status": "cancelled"}', trading.engine_now()) from tests.order_of('five', 'take_profit', 1) o;
select pg_temp.sell('five');
select pg_temp.play();
select pg_temp.play('1.1 seconds');
select is((select (status, dust_quantity::numeric)::text from tests.position_of('five')), '(open,0)', 'what is left beside fills that are missing is not booked as dust');
update told set shown = jsonb_build_array(pg_temp.fill('five', (tests.order_of('five', 'take_profit', 1)).binance_order_id, 0.999, 120));
select pg_temp.play('5 seconds');
select is((select (status, dust_quantity::numeric)::text from tests.position_of('five')), '(closed,0.001)', 'with them it is');

rollback to s;
select pg_temp.reach_target('small', 0, 0.004);
select pg_temp.sell('small');
select pg_temp.play();
select pg_temp.play('1.1 seconds');
select is((select (status, quantity::numeric, dust_quantity::numeric)::text from tests.position_of('small')), '(open,0.004,0)', 'nor is too little to be sold that was sold');
update told set shown = jsonb_build_array(pg_temp.fill('small', (tests.order_of('small', 'take_profit', 1)).binance_order_id, 0.004, 120));
select pg_temp.play('5 seconds');
select is((select (status, trim_scale(dust_quantity))::text from tests.position_of('small')), '(closed,0)', 'it is a sale');

-- A market sale whose fills nobody shows ----------------------------------------------------------------------------------------------
rollback to s;
select pg_temp.reach_target('six', 0, 0);
select pg_temp.sell('six');
create temp table c as select tests.next_call() as call;
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from c), 'expired', 0.7)));
select tests.answer(pg_temp.says(answer -> 'call')) from tests.live_work;
select tests.answer(pg_temp.says(answer -> 'call')) from tests.live_work;
select is((select last_error ->> 'code' from trading.jobs where key = 'sell six'), 'fills_missing', 'a sale that ended in part, without a fill');
select is(pg_temp.play('1.1 seconds'), 'fills exit, submit 0.3', 'what it did not sell is sold');
select is(pg_temp.books(), '0 wrong', 'the books are right');

select * from finish();
rollback;
