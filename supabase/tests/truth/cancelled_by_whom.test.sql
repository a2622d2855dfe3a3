begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
create temp table resting as select (tests.order_of('one', 'stop_loss')).id;
update public.positions set stop_loss_price = 96 where id = (tests.position_of('one')).id;
select trading.sync_protection(tests.position_of('one'), trading.engine_now());
select is(tests.next_call() ->> 'action', 'replace', 'the engine moves a stop');
-- The move comes to p_answer, and the stop is found cancelled.
create function pg_temp.told(p_answer jsonb) returns boolean language plpgsql as $$
begin
  perform tests.answer(p_answer);
  perform trading.fold_venue_report(r.id, '{"status": "cancelled", "executed_quantity": "0"}', trading.engine_now()) from resting r;
  return tests.has_alert('stop_cancelled_outside');
end
$$;
savepoint moved;
select is(pg_temp.told('{"outcome": "not_sent", "reason": "window_over"}'), true, 'a call that never left has cancelled nothing: other hands have');
rollback to moved;
select is(pg_temp.told('{"outcome": "rejected", "reason": "turned_away", "http_status": 403}'), true, 'nor has one that was turned away');
rollback to moved;
select is(pg_temp.told('{"outcome": "rejected", "reason": "refused", "code": -2022}'), true, 'or that was refused');
rollback to moved;
select is(pg_temp.told('{"outcome": "unknown", "reason": "no_answer"}'), false, 'one without an answer may have');
rollback to moved;
select is(pg_temp.told('{"outcome": "rejected", "reason": "replace_half_done", "code": -2021}'), false, 'and one that was done by half has');
select * from finish();
rollback;
