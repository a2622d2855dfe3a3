begin;
select plan(29);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
-- The owner has three coins besides: what rests ends before another order is placed.
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
select is((select trading.holds_other_coins(p) from public.positions p, t where p.id = t.position), true, 'there are other coins');
create function pg_temp.guard() returns text language sql as $$
  select string_agg(concat_ws(' ', o.state, o.trigger_price::numeric), ', ') from public.orders o, t where o.position_id = t.position and o.role = 'stop_loss' and o.finished_at is null
$$;
create function pg_temp.go_on(p_by interval default '20 seconds') returns text language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  delete from trading.jobs where kind = 'sync' and status = 'queued';
  return tests.next_call() ->> 'action';
end
$$;
create function pg_temp.said() returns text language sql as $$ select w.answer #>> '{call,action}' from tests.live_work w $$;

-- The cancel under way and what follows it: the old stop ends, the new one rests.
create function pg_temp.obey() returns void language plpgsql as $$
declare
  v_call jsonb;
begin
  loop
    v_call := (select w.answer -> 'call' from tests.live_work w);
    exit when v_call is null;
    perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request',
      case v_call ->> 'action' when 'submit' then 'working' else 'cancelled' end)));
  end loop;
end
$$;
update public.instruments set updated_at = updated_at - interval '1 hour';

-- A sale ------------------------------------------------------------------------------------------------------------------
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from public.positions p, t where p.id = t.position;
select is(pg_temp.go_on('0 seconds'), 'check_order', 'a sale is judged before the stop is cancelled for it');
select is((select (w.answer #> '{call,request}') - 'client_order_id' from tests.live_work w), '{"side": "SELL", "type": "MARKET", "time_in_force": null, "quantity": "1", "price": null, "trigger_price": null}', 'as it would be placed');
select tests.answer('{"outcome": "rejected", "reason": "filter_failed", "code": -1013, "message": "Filter failure: LOT_SIZE"}');
select is(pg_temp.guard(), 'working 95', 'refused, it leaves the stop where it is');
select is((select p.status from public.positions p, t where p.id = t.position), 'open', 'and the position open');
select is((select last_error ->> 'message' from trading.jobs where key = 'sell'), 'Filter failure: LOT_SIZE; what rests at the exchange stands', 'which its owner is told');
select isnt((select doubted_at from public.instruments where symbol = 'SOLUSDT'), null, 'the filters are fetched again');
select is((select count(*) from public.orders where role = 'exit'), 0::bigint, 'no order was placed');
select is(pg_temp.go_on(), 'check_order', 'the next attempt asks again before it cancels anything');
select tests.answer('{"outcome": "rejected", "reason": "symbol_not_trading", "code": -1013, "message": "Market is closed."}');
select is(pg_temp.guard(), 'working 95', 'nor does a closed market cost the stop');
select is(pg_temp.go_on(), 'check_order', 'and again');
select tests.answer('{"outcome": "rejected", "reason": "turned_away", "http_status": 403, "message": "HTTP 403"}');
select is(pg_temp.said(), null, 'a firewall that turns the question away would turn the sale away: nothing is cancelled for it');
select is(pg_temp.go_on(), 'check_order', 'until one comes through');
select tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
select is(pg_temp.said(), 'cancel', 'an exchange that does not say holds up no exit');
select tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
select is(pg_temp.guard(), 'working 95', 'the cancel did not get through either');

-- Asked about after its window, the stop still rests.
select trading.set_clock(trading.engine_now() + interval '2 seconds');
select trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id), 'working'), trading.engine_now())
from public.orders o, t where o.position_id = t.position and o.role = 'stop_loss';

-- A move ------------------------------------------------------------------------------------------------------------------
delete from trading.jobs where key = 'sell';
truncate tests.live_work;
update public.positions set stop_loss_price = 96 where id = (select position from t);
delete from trading.jobs where status = 'queued';
select trading.queue_protection((select position from t), trading.engine_now());
select is(pg_temp.go_on(), 'check_order', 'another stop is judged before the old one ends');
select is((select w.answer #>> '{call,request,trigger_price}' from tests.live_work w), '96', 'at its own price');
select tests.answer('{"outcome": "rejected", "reason": "filter_failed", "code": -1013, "message": "Filter failure: PRICE_FILTER"}');
select is(pg_temp.guard(), 'working 95', 'refused, it leaves the old one');
select ok(tests.has_alert('venue_stop_refused'), 'which is told');
select is(pg_temp.go_on(), 'check_order', 'and is asked about again');
select tests.answer('{"outcome": "rejected", "reason": "turned_away", "http_status": 403, "message": "HTTP 403"}');
select is(pg_temp.said(), null, 'turned away by a firewall, it cancels nothing either');
select is(pg_temp.guard(), 'working 95', 'and the old one rests');
select is(pg_temp.go_on(), 'check_order', 'later it is judged again');
select tests.answer('{"outcome": "accepted"}');
select is(pg_temp.said(), 'cancel', 'taken, it has the old one cancelled');
select pg_temp.obey();
select is(pg_temp.guard(), 'working 96', 'and rests in its place');
select ok(not tests.has_alert('venue_stop_refused'), 'which ends the alert');

-- One for more than there is to sell ------------------------------------------------------------------------------------------
select trading.quarantine((select account from t), 'SOLUSDT', (select position from t), 'coins_missing', 'a test takes some', '{}', trading.engine_now());
update trading.quarantines set missing_quantity = 0.5 where position_id = (select position from t);
delete from trading.jobs where status = 'queued';
select trading.queue_protection((select position from t), trading.engine_now());
select is(pg_temp.go_on(), null, 'a stop is not made smaller for coins that are missing: its own are locked');
grant select on t to public;
select tests.act_as_user('ann');
select public.write_off((select position from t), 0.5, 'sent to a friend');
select tests.act_as_owner();
select is(pg_temp.go_on(), 'cancel', 'a stop that would sell the owner''s coins ends in any case');
select pg_temp.obey();
select is((select o.quantity::numeric from public.orders o, t where o.position_id = t.position and o.role = 'stop_loss' and o.finished_at is null), 0.5, 'for one of what is there');

select * from finish();
rollback;
