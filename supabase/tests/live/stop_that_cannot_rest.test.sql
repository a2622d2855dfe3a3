begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
create temp table s as select tests.next_call() as call;

-- A stop that the exchange takes and ends in the same moment: its trigger is met, and its price is out of all bounds.
select isnt(tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from s), 'expired'))) ->> 'outcome', 'call',
  'a stop that ends as it is placed is not placed again in the same breath');
select is((select j.last_error ->> 'code' || extract(epoch from j.due_at - trading.engine_now()) from trading.jobs j where j.kind = 'protect' and j.status = 'queued'), 'stop_ended1.000000',
  'but a second later, and later each time');
select trading.set_clock(trading.engine_now() + interval '1 second');
select is(tests.obey(), '{submit}', 'until it rests');

-- The exchange's minimum rises above what is held, and its cancel is refused for the moment.
select tests.list_symbol('SOLUSDT', '{"notional_min": 200}');
select trading.sync_protection(tests.position_of('one'), trading.engine_now());
select is(tests.next_call() ->> 'action', 'cancel', 'a stop that may not be there any more is cancelled');
select is(tests.answer('{"outcome": "rejected", "reason": "cancel_failed", "code": -2011}') ->> 'outcome', 'retry', 'while it rests the job is not done');
select trading.set_clock(trading.engine_now() + interval '1 minute');
update trading.exchange_clocks set measured_at = trading.engine_now();
select is(tests.next_call() ->> 'action', 'cancel', 'it is cancelled again');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(jsonb_build_object('client_order_id', (tests.order_of('one', 'stop_loss')).client_order_id), 'cancelled')));
select is((select naked_cause from trading.engine_stops), 'below_minimum', 'then the engine''s stop stands alone');

select * from finish();
rollback;
