begin;
select plan(32);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"signal_ttl_seconds": 60}');
select tests.go_live('ann');

create function pg_temp.entries(p_signal text) returns text[] language sql as $$
  select array_agg(concat_ws(' ', o.attempt, o.state, p.status) order by o.attempt)
  from public.orders o join public.positions p on p.id = o.position_id where o.signal_id = tests.signal_id(p_signal) and o.role = 'entry'
$$;
create function pg_temp.signal(p_signal text) returns text language sql as $$
  select concat_ws(' ', s.status, s.rejection_code) from public.signals s where s.id = tests.signal_id(p_signal)
$$;
create function pg_temp.not_sent() returns text language sql as $$
  select tests.answer('{"outcome": "not_sent", "reason": "window_over", "message": "its time was over"}') ->> 'code'
$$;
create function pg_temp.wait(p_time interval default '1 second') returns void language sql as $$
  select tests.tick(99.99, 100, p_after => p_time);
  update trading.exchange_clocks set measured_at = trading.engine_now()
$$;

-- Until it leaves -----------------------------------------------------------------------------------------------------
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
create temp table c as select tests.next_call() as call;
select is(pg_temp.not_sent(), 'entry_not_sent', 'a call whose time was over before it left');
select is(pg_temp.entries('one'), '{1 not_sent failed}', 'ends its order and the position that never held anything');
select is(pg_temp.signal('one'), 'ready', 'but not the decision');
select is((select coalesce(sum(r.amount), 0)::numeric from trading.reservations r where r.released_at is null), 0::numeric, 'nothing is reserved meanwhile');
select is(tests.next_call(), null, 'nothing leaves in the same second');
select pg_temp.wait();
select tests.next_call();
select is(pg_temp.entries('one'), '{"1 not_sent failed","2 submitting submitting"}', 'then there is a second attempt, in rows of its own');
select is((select count(distinct o.client_order_id) from public.orders o where o.signal_id = tests.signal_id('one')), 2::bigint, 'under another client id');
select is((select count(*) from trading.risk_checks k where k.signal_id = tests.signal_id('one')), 2::bigint, 'judged again by all rules');
select pg_temp.not_sent();
select pg_temp.wait();
select tests.next_call();
select is((select count(*) from public.orders o where o.signal_id = tests.signal_id('one') and o.finished_at is null), 1::bigint, 'never two that may be there');
select is(pg_temp.not_sent(), null, 'the third one is the last');
select is(pg_temp.signal('one'), 'rejected entry_not_sent', 'and ends the decision');
select pg_temp.wait();
select is(tests.next_call(), null, 'for good');

-- Refused for its time alone ------------------------------------------------------------------------------------------
select tests.decide('two', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select tests.answer('{"outcome": "rejected", "reason": "clock_skewed", "code": "-1021", "message": "Timestamp for this request is outside of the recvWindow."}');
select is(pg_temp.entries('two') || pg_temp.signal('two'), '{"1 rejected failed",ready}', 'what the exchange refused for its time was not looked at');
select is(tests.answer(jsonb_build_object('outcome', 'accepted', 'elapsed_ms', 1, 'server_time_ms', floor(extract(epoch from trading.engine_now()) * 1000))) ->> 'code',
  'entry_not_sent', 'the clock is measured before it is tried again');
select pg_temp.wait();
update c set call = tests.next_call();
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(call -> 'request', 'filled', 1, jsonb_build_object('fills', jsonb_build_array(
  jsonb_build_object('trade_id', '1', 'price', '100', 'quantity', '1', 'value', '100', 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'executed_at', trading.engine_now())))))) from c;
select tests.rest_guard();
select is(pg_temp.entries('two'), '{"1 rejected failed","2 filled open"}', 'so it is tried again, and bought');
select is(pg_temp.signal('two'), 'in_position', 'its signal has that one position');

-- Turned away at the door ----------------------------------------------------------------------------------------------
select tests.decide('three', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select is(tests.answer('{"outcome": "rejected", "reason": "turned_away", "http_status": 403, "message": "HTTP 403"}') ->> 'code', 'entry_not_sent',
  'what a firewall turned away the exchange has not seen');
select is(pg_temp.entries('three') || pg_temp.signal('three'), '{"1 rejected failed",ready}', 'it ends the attempt, not the decision');
select pg_temp.wait();
select is(tests.next_call() ->> 'action', 'submit', 'which is tried again');
select pg_temp.not_sent();
delete from trading.jobs where status = 'queued';

-- What ends it --------------------------------------------------------------------------------------------------------
select tests.decide('refused', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select tests.answer('{"outcome": "rejected", "reason": "refused", "code": "-2010", "message": "no"}');
select is(pg_temp.signal('refused'), 'rejected entry_rejected', 'one that the exchange looked at and refused is not tried again');
delete from trading.jobs where status = 'queued';

select tests.decide('old', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select pg_temp.not_sent();
select pg_temp.wait('61 seconds');
select is(tests.next_call() ->> 'action', null, 'after its signal''s time nothing leaves');
select is(pg_temp.signal('old'), 'rejected signal_stale', 'and the decision ends as one that came too late');

select tests.decide('cancelled', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select tests.act_as_user('ann');
select isnt(public.cancel_entry((tests.position_of('cancelled')).id) ->> 'job_id', null, 'an owner cancels it while it is under way');
select tests.act_as_owner();
select pg_temp.not_sent();
select is(pg_temp.signal('cancelled'), 'rejected entry_not_sent', 'so it is not tried again');

select tests.decide('superseded', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select pg_temp.not_sent();
select tests.decide('superseded', 'alpha', '{"stopLoss": 95}', 'wait');
select pg_temp.wait();
select is(tests.next_call(), null, 'a decision that was taken back is not tried again');
select is(pg_temp.entries('superseded') || pg_temp.signal('superseded'), '{"1 not_sent failed",monitoring}', 'its signal says what the AI says now');

-- A stop --------------------------------------------------------------------------------------------------------------
select tests.decide('queued', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select pg_temp.not_sent();
select tests.stop('ann', 'user', tests.user_id('ann'), p_request => 'first');
select pg_temp.wait();
select is(tests.next_call() ->> 'action', null, 'after a halt nothing leaves');
select is(pg_temp.signal('queued'), 'rejected trading_not_active', 'the decision is denied by the rules of then');
select tests.resume('ann', 'user', tests.user_id('ann'));

select tests.decide('resumed', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select tests.stop('ann', 'user', tests.user_id('ann'), p_request => 'second');
select pg_temp.not_sent();
select tests.resume('ann', 'user', tests.user_id('ann'));
select pg_temp.wait();
select is(tests.next_call() ->> 'action', null, 'nor after a halt and its resume between two attempts');
select is(pg_temp.signal('resumed'), 'rejected trading_not_active', 'for that decision was made before the stop');

-- Time between orders -------------------------------------------------------------------------------------------------
select tests.hire('beta', 'bob', '{"signal_ttl_seconds": 60}');
update public.risk_limits set min_order_interval_seconds = 600 where trader_id = tests.trader_id('beta');
select tests.go_live('bob');
select tests.decide('paced', 'beta', '{"stopLoss": 95}');
select tests.next_call();
select pg_temp.not_sent();
select pg_temp.wait();
select is(tests.next_call() ->> 'action', 'submit', 'an attempt that never left is no order that the next one has to keep its distance from');

select is((select jsonb_object_agg(k, v) from jsonb_each(trading.check_books()) b (k, v) where k <> 'jobs_left' and v <> '0'), null, 'the books agree');

select * from finish();
rollback;
