begin;
select plan(45);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, 1::numeric as sol, '[]'::jsonb as fills, '{}'::text[] as listed, false as refuses;
create temp table known (client_order_id text primary key);
create temp table asked (at timestamptz, action text, request jsonb);
grant select on t to public;
update trading.account_checks set started_at = started_at - interval '1 hour';

-- An exchange that knows what is placed from now on, and nothing of before.
create function pg_temp.says(p_call jsonb) returns jsonb language plpgsql as $$
declare
  v_request jsonb := p_call -> 'request';
  v_new     jsonb := coalesce(v_request -> 'order', v_request);
  v_id      text := coalesce(v_request ->> 'cancel_client_order_id', v_request ->> 'client_order_id');
begin
  insert into asked values (trading.engine_now(), p_call ->> 'action', v_request);
  case p_call ->> 'action'
    when 'submit_pair' then
      insert into known select v_request #>> array[l, 'client_order_id'] from unnest('{stop,target}'::text[]) l;
      return jsonb_build_object('outcome', 'accepted', 'orders', (select jsonb_agg(tests.venue_report(v_request -> l, 'working', 0,
        jsonb_build_object('list_id', v_request ->> 'list_client_order_id'))) from unnest('{stop,target}'::text[]) l));
    when 'submit', 'replace' then
      if p_call ->> 'action' = 'replace' and (select refuses from t) or p_call ->> 'action' = 'replace' and not exists (select from known k where k.client_order_id = v_id) then
        return '{"outcome": "rejected", "reason": "cancel_failed", "code": -2022, "message": "Order cancel-replace failed."}';
      end if;
      if v_new ->> 'type' = 'MARKET' then
        update t set sol = 0;
        return jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_new, 'filled', (v_new ->> 'quantity')::numeric, jsonb_build_object('fills',
          jsonb_build_array(jsonb_build_object('trade_id', 's' || (v_new ->> 'client_order_id'), 'price', '94', 'quantity', v_new ->> 'quantity', 'value', (94 * (v_new ->> 'quantity')::numeric)::text,
            'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL', 'executed_at', trading.engine_now())))));
      end if;
      insert into known values (v_new ->> 'client_order_id');
      return jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_new, 'working'));
    when 'lookup' then
      return case when exists (select from known k where k.client_order_id = v_id)
        then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_request, 'working'))
        else '{"outcome": "rejected", "reason": "order_not_found", "code": -2013, "message": "Order does not exist."}' end;
    when 'cancel' then
      return case when exists (select from known k where k.client_order_id = v_id)
        then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_request, 'cancelled'))
        else '{"outcome": "rejected", "reason": "order_not_found", "code": -2011, "message": "Unknown order sent."}' end;
    when 'open_orders' then
      return jsonb_build_object('outcome', 'accepted', 'orders', (select coalesce(jsonb_agg(jsonb_build_object('client_order_id', k.client_order_id, 'symbol', 'SOLUSDT',
        'side', 'SELL', 'quantity', '1')), '[]') from (select k.client_order_id from known k union select unnest(t.listed) from t) k));
    when 'fills' then
      return jsonb_build_object('outcome', 'accepted', 'fills', (select fills from t));
    else
      return jsonb_build_object('outcome', 'accepted', 'account', '{"uid": "uid-ann", "can_trade": true}'::jsonb, 'balances', jsonb_build_array(
        '{"asset": "USDT", "free": "9900", "locked": "0"}'::jsonb, jsonb_build_object('asset', 'SOL', 'free', (select sol::text from t), 'locked', '0')));
  end case;
end
$$;
create function pg_temp.let_pass(p_for interval, p_bid numeric default null) returns void language plpgsql as $$
declare
  v_call  jsonb;
  v_until timestamptz := trading.engine_now() + p_for;
begin
  while trading.engine_now() < v_until loop
    perform trading.set_clock(trading.engine_now() + interval '1 second');
    update trading.exchange_clocks set measured_at = trading.engine_now();
    if p_bid is not null then
      perform tests.tick(p_bid, p_bid + 0.01, p_after => '0');
    end if;
    perform trading.sweep(trading.engine_now());
    v_call := tests.next_call();
    while v_call is not null loop
      perform tests.answer(pg_temp.says(v_call));
      v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
    end loop;
  end loop;
end
$$;
create function pg_temp.old_orders() returns text language sql as $$
  select string_agg(o.role || ' ' || o.state, ', ' order by o.role) from public.orders o where o.role in ('stop_loss', 'take_profit') and o.attempt = 1
$$;

select tests.buy_live('one', 'alpha');
select tests.rest_guard();
select is(pg_temp.old_orders(), 'stop_loss working, take_profit working', 'stop and target rest as one list');
create temp table legs as select o.* from public.orders o where o.role in ('stop_loss', 'take_profit');
savepoint resting;

-- The coins are there, the orders are not --------------------------------------------------------------------------------
select pg_temp.let_pass('2 seconds');
select is(pg_temp.old_orders(), 'stop_loss working, take_profit working', 'one look that does not find them proves nothing');
select pg_temp.let_pass('16 seconds');
select ok(tests.has_alert('position_unguarded', (select position_id::text from legs limit 1)), 'five seconds later its owner knows that no stop may rest');
select is((select count(*) from trading.engine_stops s where s.fired_at is null and s.naked_since is not null), 1::bigint, 'the engine''s own stop stands');
select is(pg_temp.old_orders(), 'stop_loss working, take_profit working', 'half a minute must lie between two looks');
select pg_temp.let_pass('40 seconds');
select is(pg_temp.old_orders(), 'stop_loss cancelled, take_profit cancelled', 'then the whole list is gone');
select is((select string_agg(distinct o.error_code || ' ' || o.reason, ', ') from public.orders o join legs l on l.id = o.id), 'gone_from_exchange gone_from_exchange', 'which is said');
select is((select severity || ' ' || user_id::text from public.alerts where code = 'order_gone'), 'critical ' || tests.user_id('ann'), 'to its owner, in earnest');
select is((select count(*) from public.audit_log where action = 'order_gone'), 2::bigint, 'and to the audit log');
select is((select count(*) from public.orders o join known k using (client_order_id) where o.role in ('stop_loss', 'take_profit') and o.state = 'working'), 2::bigint,
  'the position is guarded again');
select ok(not tests.has_alert('position_unguarded'), 'the alarm is over');
select is((select (p.status, p.quantity::numeric)::text from tests.position_of('one') p), '(open,1)', 'the position is whole');
select is((select count(*) from trading.quarantines), 0::bigint, 'nothing of it is set aside');
select is((select array_agg(distinct a.action order by a.action) from asked a where a.action not in ('balances', 'submit_pair')), '{cancel,fills,lookup,open_orders}'::text[],
  'asked were the order by its ids, the matching engine, the list of open orders and the executions');
select ok(exists (select from asked a where a.request ->> 'exchange_order_id' = (select binance_order_id from legs where role = 'stop_loss')), 'by the exchange''s number, too');
select is((select count(*) from asked a where a.action = 'lookup') < 40, true, 'with a few questions');
select is((trading.check_books() ->> 'unprotected_positions')::int + (trading.check_books() ->> 'positions_vs_fills')::int, 0, 'the books are whole');
-- The exchange's numbers begin again: an execution is the newest order's that has its number.
update public.orders o set binance_order_id = l.binance_order_id from legs l where l.role = 'stop_loss' and o.role = 'stop_loss' and o.state = 'working';
select trading.fold_fill_list(c, jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', '9', 'exchange_order_id', l.binance_order_id, 'price', '95', 'quantity', '0.5',
  'value', '47.5', 'fee', '0', 'fee_asset', 'USDT', 'side', 'SELL', 'executed_at', trading.engine_now()))), trading.engine_now())
from legs l, (select * from trading.exchange_calls where action = 'fills' order by id desc limit 1) c where l.role = 'stop_loss';
select is((select string_agg(o.attempt || ' ' || o.filled_quantity::numeric, ', ' order by o.attempt) from public.orders o where o.role = 'stop_loss'), '1 0, 2 0.5',
  'a number that was given again stands for the newest order');
rollback to resting;

-- What speaks against it ----------------------------------------------------------------------------------------------------
select pg_temp.let_pass('20 seconds');
insert into known select client_order_id from legs;
select pg_temp.let_pass('60 seconds');
select is(pg_temp.old_orders(), 'stop_loss working, take_profit working', 'readers that were behind have proven nothing');
select ok(not tests.has_alert('position_unguarded'), 'and the alarm is over');
delete from known;
select pg_temp.let_pass('31 seconds');
select is(pg_temp.old_orders(), 'stop_loss working, take_profit working', 'what they did not find before counts no more');
rollback to resting;
update t set fills = (select jsonb_build_array(jsonb_build_object('trade_id', '9', 'exchange_order_id', l.binance_order_id, 'price', '95', 'quantity', '1', 'value', '95',
  'fee', '0', 'fee_asset', 'USDT', 'side', 'SELL', 'executed_at', trading.engine_now() + interval '1 second')) from legs l where role = 'stop_loss');
select pg_temp.let_pass('75 seconds');
select is((select o.state from public.orders o join legs l on l.id = o.id where l.role = 'stop_loss'), 'filled', 'an execution of its own is booked');
select is((tests.position_of('one')).status, 'closed', 'and closes the position');
rollback to resting;
update t set fills = jsonb_build_array(jsonb_build_object('trade_id', '9', 'exchange_order_id', '4711', 'price', '95', 'quantity', '1', 'value', '95',
  'fee', '0', 'fee_asset', 'USDT', 'side', 'SELL', 'executed_at', trading.engine_now() + interval '1 second'));
select pg_temp.let_pass('75 seconds');
select is(pg_temp.old_orders(), 'stop_loss working, take_profit working', 'an execution that nobody explains speaks against it');
rollback to resting;

update t set listed = (select array_agg(client_order_id) from legs);
select pg_temp.let_pass('75 seconds');
select is(pg_temp.old_orders(), 'stop_loss working, take_profit working', 'so does a list of open orders that has it');
rollback to resting;

-- A replacement that is refused again and again, although the stop rests
insert into known select client_order_id from legs;
update t set refuses = true;
select pg_temp.let_pass('30 seconds', 94);
select is((select count(*) from trading.jobs j where j.kind = 'exit'), 1::bigint, 'while one exit is tried again, ticks make no other');
select cmp_ok((select count(*) from public.orders o where o.role = 'exit'), '<=', 6::bigint, 'and it backs off');
rollback to resting;

-- The market crosses the stop meanwhile -------------------------------------------------------------------------------------
select pg_temp.let_pass('25 seconds', 94);
select is((select count(*) from trading.jobs j where j.kind = 'exit' and j.status <> 'done'), 1::bigint, 'ticks below the stop make one exit');
select cmp_ok((select count(*) from public.orders o where o.role = 'exit'), '<=', 1::bigint, 'that tries the replacement once at most');
select cmp_ok((select count(*) from asked a where a.action in ('replace', 'lookup', 'cancel')), '<', 40::bigint, 'and then waits longer each time');
select ok((select attempts >= 3 and due_at > trading.engine_now() + interval '1 second' from trading.jobs j where j.kind = 'exit' and j.status = 'queued'), 'backing off');
select pg_temp.let_pass('25 seconds', 94);
select is((select (p.status, p.exit_reason, p.realized_pnl::numeric)::text from tests.position_of('one') p), '(closed,stop_loss,-6)', 'it sells as soon as the proof is there');
select is((select count(*) from public.orders o where o.role = 'exit' and o.state = 'filled'), 1::bigint, 'once');
select is((select count(*) from public.orders o where o.finished_at is null), 0::bigint, 'no order is left');
select cmp_ok((select b.tokens from trading.rate_budgets b where b.rule = 'request_weight'), '>', 300::numeric, 'who trades from the same address has budget for entries');
truncate asked;
select pg_temp.let_pass('70 seconds');
select is((select count(*) from asked a where a.action in ('lookup', 'cancel')), 0::bigint, 'nothing is asked about any more');
rollback to resting;

-- The coins are gone, too -----------------------------------------------------------------------------------------------------
update t set sol = 0;
select pg_temp.let_pass('150 seconds');
select is(pg_temp.old_orders(), 'stop_loss cancelled, take_profit cancelled', 'a wiped account has no orders');
select is((select (q.code, q.missing_quantity::numeric)::text from trading.quarantines q where q.ended_at is null), '(coins_missing,1)', 'nor the coins: the position is set aside');
select tests.act_as_user('ann');
select is(public.write_off((tests.position_of('one')).id, 1, 'the testnet was wiped') ->> 'status', 'closed', 'its owner writes it off');
select tests.act_as_owner();
truncate asked;
select pg_temp.let_pass('70 seconds');
select is((select count(*) from asked a where a.action in ('lookup', 'cancel')), 0::bigint, 'and nobody asks about what is dead');
rollback to resting;
-- Written off before the proof is there.
update t set sol = 0;
delete from trading.jobs where status = 'queued';
update trading.settings set protection_poll_ms = 600000;
select tests.compare((select account from t), '{"USDT": 9900}', '[]');
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9900}', '[]');
select tests.act_as_user('ann');
select is(public.write_off((tests.position_of('one')).id, 1, 'the testnet was wiped') ->> 'status', 'closed', 'a position may be written off at once');
select tests.act_as_owner();
update trading.settings set protection_poll_ms = 30000;
select pg_temp.let_pass('90 seconds');
select is(pg_temp.old_orders(), 'stop_loss cancelled, take_profit cancelled', 'its legs end by the same proof');
select is((select count(*) from trading.jobs where status in ('queued', 'running') and order_id is not null), 0::bigint, 'and are left alone');
rollback to resting;

-- An entry ------------------------------------------------------------------------------------------------------------------
select tests.obey();
update public.traders set entry_order_type = 'limit' where name = 'alpha';
select tests.decide('two', 'alpha', '{"entry": 90, "stopLoss": 85}');
select is(tests.rest_guard() ->> 'action', 'submit', 'an entry rests');
select pg_temp.let_pass('90 seconds');
select is((select o.state || ' ' || p.status || ' ' || (select count(*) from trading.reservations r where r.order_id = o.id and r.released_at is null)
  from tests.order_of('two', 'entry') o, tests.position_of('two') p), 'cancelled failed 0', 'that is gone is over, and its cash free');

select * from finish();
rollback;
