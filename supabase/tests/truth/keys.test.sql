begin;
select plan(34);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
grant select on t to public;
select tests.buy_live('one', 'alpha');
select tests.obey();
create function pg_temp.state() returns text language sql as $$
  select (trading.effective_state(tests.user_id('ann'), trading.portfolio_id(tests.user_id('ann'), 'live'), (select account from t), null)).state
$$;
create function pg_temp.later(p_by interval) returns void language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
end
$$;
create function pg_temp.sell(p_key text) returns bigint language sql as $$
  select trading.enqueue_job('exit', p_key, p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('one') p
$$;
create function pg_temp.wait_of(p_key text) returns text language sql as $$
  select j.status || ' ' || extract(epoch from j.due_at - trading.engine_now())::int || ' s' from trading.jobs j where j.key = p_key
$$;

-- Refused: wrong, revoked, read-only, or not from this address (-2015 does not say which) ----------------------------------
select pg_temp.sell('sell');
select is(tests.next_call() ->> 'action', 'replace', 'a sale meets a key that the exchange refuses');
select tests.answer('{"outcome": "rejected", "reason": "key_refused", "code": -2015, "message": "Invalid API-key, IP, or permissions for action."}');
select is(pg_temp.wait_of('sell'), 'queued 60 s', 'it is tried again every minute, not every second');
select is((select severity from public.alerts where code = 'exchange_key_refused'), 'critical', 'with a critical alert');
select is(pg_temp.state(), 'reducing', 'no entry is made');
select is((tests.position_of('one')).status || ' ' || (tests.order_of('one', 'stop_loss')).state, 'open working', 'the position stands, and its stop');
select is((select count(*) from trading.engine_stops where fired_at is null), 1::bigint, 'the engine''s too');
select pg_temp.later('1 minute');
select is(tests.next_call() ->> 'action', 'replace', 'a minute later');
select tests.answer('{"outcome": "rejected", "reason": "key_refused", "code": -2015, "message": "Invalid API-key, IP, or permissions for action."}');
select is((select occurrences from public.alerts where code = 'exchange_key_refused'), 2, 'it is the same alert');

select trading.queue_order_sync((tests.order_of('one', 'stop_loss')).id, 'test', trading.engine_now());
select tests.next_call();
select tests.answer('{"outcome": "rejected", "reason": "key_refused", "code": -2015, "message": "Invalid API-key, IP, or permissions for action."}');
select is((select extract(epoch from j.due_at - trading.engine_now())::int from trading.jobs j where j.kind = 'sync' and j.order_id is not null and j.status = 'queued'), 60,
  'a question waits as long as a sale does');
update trading.jobs set status = 'done', finished_at = now() where kind = 'sync' and status = 'queued';

-- Another key ends the wait -------------------------------------------------------------------------------------------------
select trading.connect_exchange_account(tests.user_id('ann'), 'simulator', 'uid-ann', 'another-key', 'another-secret');
select trading.enqueue_job('protect', 'guard', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id) from tests.position_of('one') p;
select tests.decide('meanwhile', 'alpha');
select is(tests.next_call() ->> 'action', 'balances', 'of another key it is asked first whose it is, before any sale, stop, question or entry');
select is((select j.last_error ->> 'code' from trading.jobs j where j.key = 'guard'), 'key_unverified', 'what is due before it waits for that');
select tests.answer('{"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "9900", "locked": "0"}, {"asset": "SOL", "free": "1", "locked": "0"}]}');
select is(pg_temp.wait_of('sell'), 'queued 0 s', 'its answer ends the wait at once');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'orders', tests.listed((select account from t))));
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where kind in ('sync', 'protect', 'enter') and status in ('queued', 'running');
select is(tests.next_call() ->> 'action', 'replace', 'what waited goes on');
select tests.answer(jsonb_build_object('outcome', 'rejected', 'reason', 'cancel_failed', 'code', -2022));
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where kind in ('sync', 'protect', 'enter') and status in ('queued', 'running');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}', p_after => '0 seconds');
select ok(not tests.has_alert('exchange_key_refused'), 'an answer to the key does');
select is(pg_temp.state(), 'reducing', 'entries wait for a person');
select tests.act_as_user('ann');
select is(public.resume_trading('account', (select account from t), 'the key is good again') ->> 'state', 'active', 'who resumes');
select tests.act_as_owner();

-- A key of another account ---------------------------------------------------------------------------------------------------
update trading.jobs set status = 'done', finished_at = now() where status = 'queued';
select trading.queue_account_check((select account from t), 'test', trading.engine_now());
select tests.next_call();
select tests.answer('{"outcome": "accepted", "account": {"uid": "somebody", "can_trade": true}, "balances": [{"asset": "USDT", "free": "1", "locked": "0"}]}');
select is((select inactive_code from trading.exchange_keys order by created_at desc, ended_at desc limit 1), 'uid_mismatch', 'a key of another account is not used any more');
select is((select b.free::numeric from trading.exchange_balances b where asset = 'USDT'), 9900::numeric, 'what it saw is not believed');
select ok(tests.has_alert('exchange_key_wrong'), 'with an alert');
select is(pg_temp.state(), 'reducing', 'and entries wait for a person');
select is((select j.outcome ->> 'code' from trading.jobs j where j.status = 'done' order by j.id desc limit 1), 'key_unavailable', 'the comparison ends there');
select is(trading.queue_due_account_checks(trading.engine_now() + interval '1 hour'), 0, 'without a key nothing is compared');

-- Without a key ----------------------------------------------------------------------------------------------------------------
create temp table made as select max(c.id) as id from trading.exchange_calls c;
select pg_temp.sell('sell more');
select is(tests.next_call(), null, 'without a key no call is made');
select is(pg_temp.wait_of('sell more'), 'queued 60 s', 'a sale waits for one');
select is((select severity || ' ' || occurrences from public.alerts where code = 'exchange_key_missing'), 'critical 1', 'with a critical alert');
delete from public.alerts where code = 'exchange_key_missing';
select trading.watch_keys(trading.engine_now()) from generate_series(1, 2);
select is((select severity || ' ' || occurrences from public.alerts where code = 'exchange_key_missing'), 'critical 1', 'which comes, once, without any work, too, as long as orders are open');
select pg_temp.later('1 minute');
select is((select count(*) from trading.exchange_calls c, made m where c.id > m.id), 0::bigint, 'nothing was permitted, so nothing is unknown');
select trading.connect_exchange_account(tests.user_id('ann'), 'simulator', 'uid-ann', 'third-key', 'third-secret');
select is(tests.next_call() ->> 'action', 'balances', 'the next key is looked at');
select tests.answer('{"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "9900", "locked": "0"}, {"asset": "SOL", "free": "1", "locked": "0"}]}');
create temp table sale as select tests.next_call() as call;
select is((select call ->> 'action' from sale), 'replace', 'and sells');

-- A key that is replaced between a call's permit and its departure ---------------------------------------------------------------
update trading.exchange_calls c set opened_at = null from sale s where c.id = (s.call ->> 'id')::bigint;
select trading.connect_exchange_account(tests.user_id('ann'), 'simulator', 'uid-ann', 'fourth-key', 'fourth-secret');
select tests.raises(format('select trading.open_key(%s)', (select call ->> 'id' from sale)), 'FB423', 'key_unavailable', 'a key that nobody knows yet is not opened for a sale that was permitted before');
select is((select count(*) from trading.exchange_keys where verified_at is null and is_active), 1::bigint, 'it is not known yet');

-- An account that may not trade --------------------------------------------------------------------------------------------------
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select trading.queue_account_check((select account from t), 'test', trading.engine_now());
select tests.next_call();
select tests.answer('{"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": false}, "balances": [{"asset": "USDT", "free": "9900", "locked": "0"}, {"asset": "SOL", "free": "1", "locked": "0"}]}');
select ok(tests.has_alert('exchange_key_cannot_trade') and pg_temp.state() = 'reducing', 'an account that may not trade is told, and no entry made');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}');
select ok(not tests.has_alert('exchange_key_cannot_trade'), 'until it may');
select ok(not exists (select from public.audit_log a where a::text ~ 'another-secret|third-secret|secret-of' union all
  select from public.alerts a where a::text ~ 'another-secret|third-secret|secret-of'), 'no secret is in any of it');

select * from finish();
rollback;
