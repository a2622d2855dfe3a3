-- What an exchange account holds is the exchange's to say: before it did, and after its owner spent some by hand.
begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;

select trading.connect_exchange_account(tests.user_id('ann'), 'simulator', 'uid-ann', 'another-key', 'another-secret');
update trading.jobs set due_at = due_at + interval '2 seconds' where kind = 'sync' and status = 'queued';
select tests.decide('one', 'alpha');
select is(tests.next_call(), null, 'an entry of an account that nobody has asked about waits');
select is((select j.last_error ->> 'code' from trading.jobs j where j.kind = 'enter'), 'key_unverified', 'its job says why');
select is((select s.rejection_code from public.signals s where s.id = tests.signal_id('one')), null, 'it is not denied for want of money');
select tests.tick(99.99, 100, p_after => '2 seconds');
select is(tests.next_call() ->> 'action', 'balances', 'when the account has told what it holds');
select tests.answer('{"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "10000", "locked": "0"}]}');
select tests.answer('{"outcome": "accepted", "orders": []}');
select is(tests.next_call() ->> 'action', 'submit', 'it is made');

select tests.answer('{"outcome": "rejected", "reason": "insufficient_funds", "code": -2010, "message": "Account has insufficient balance for requested action."}');
select is((select a.severity || ' ' || a.subject_id from public.alerts a where a.code = 'buy_refused_for_funds'), 'warning ' || (select account from t),
  'an entry that the exchange refuses for want of money is an alert');
select ok(not tests.has_alert('sell_refused_for_funds'), 'and not one about coins');
select is(tests.next_call() ->> 'action', 'balances', 'the account is compared at once');
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select tests.compare((select account from t), '{"USDT": 40}');
select trading.watch_comparisons(trading.engine_now());
select ok(not tests.has_alert('buy_refused_for_funds'), 'which resolves it');

select * from finish();
rollback;
