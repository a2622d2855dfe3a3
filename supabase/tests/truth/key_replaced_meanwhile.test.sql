begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
-- A wrong key of the account is shown, and replaced before the exchange's answer to it is here.
select trading.queue_account_check((select account from t), 'test', trading.engine_now());
select tests.next_call();
select trading.set_clock(trading.engine_now() + interval '1 second');
select trading.connect_exchange_account(tests.user_id('ann'), 'simulator', 'uid-ann', 'the-right-key', 'the-right-secret');
select tests.answer('{"outcome": "accepted", "account": {"uid": "somebody", "can_trade": true}, "balances": []}');
select is((select count(*) from trading.exchange_keys where is_active and verified_at is null), 1::bigint, 'a late word about the old key does not end the new one, nor vouch for it');
select ok(not tests.has_alert('exchange_key_wrong'), 'nor is anybody told so');

-- While something is held, the key of its account is needed.
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select tests.compare((select account from t), '{"USDT": 10000}');
select tests.buy_live('one', 'alpha');
select tests.raises($$ select trading.connect_exchange_account(tests.user_id('ann'), 'simulator', 'uid-other', 'the-other-key', 'the-other-secret') $$, 'FB409', 'account_in_use',
  'a key of another account would leave what is held without one');
select is((select count(*) from trading.exchange_keys where is_active and account_id = (select account from t)), 1::bigint, 'which keeps its own');
select lives_ok($$ select trading.connect_exchange_account(tests.user_id('ann'), 'simulator', 'uid-ann', 'the-third-key', 'the-third-secret') $$, 'one of the same account does not');
select tests.raises($$ select trading.connect_exchange_account(tests.user_id('ann'), null, 'uid-ann', 'the-third-key', 'the-third-secret') $$, 'FB400', 'key_invalid', 'a key names its environment');

-- An entry, before the account was asked whose key it is.
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select tests.decide('two', 'alpha');
select is(tests.next_call(), null, 'nothing is bought with a key that nobody knows yet');
select is((select j.status || ' ' || (j.last_error ->> 'code') from trading.jobs j where j.signal_id = tests.signal_id('two')), 'queued key_unverified', 'the entry waits for that');
select is((select count(*) from public.orders where signal_id = tests.signal_id('two')), 0::bigint, 'and nothing is left of the attempt');

select * from finish();
rollback;
