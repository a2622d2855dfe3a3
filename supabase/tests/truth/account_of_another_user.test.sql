-- An exchange account has one owner here, whoever else has a key of it.
begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha', 'ann');
select tests.hire('beta', 'bob');
create temp table t as select tests.go_live('ann') as account;
select throws_ok(
  format('select trading.connect_exchange_account(%L, ''simulator'', ''uid-ann'', ''another-key'', ''another-secret'')', tests.user_id('bob')),
  'FB409', 'account_taken: this exchange account belongs to another user', 'a second user with the same uid is refused');
select is((select count(*)::int from trading.exchange_keys k where k.user_id = tests.user_id('bob')), 0, 'nothing of the key is kept');
select is((select a.user_id from trading.accounts a where a.id = (select account from t)), tests.user_id('ann'), 'and the account stays where it is');
select is((select k.is_active from trading.exchange_keys k where k.account_id = (select account from t)), true, 'with the key it has');
select lives_ok(
  format('select trading.connect_exchange_account(%L, ''testnet'', ''uid-ann'', ''another-key'', ''another-secret'')', tests.user_id('bob')),
  'the same uid in another environment is another account');
select * from finish();
rollback;
