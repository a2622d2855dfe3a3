begin;
select plan(5);

select is(tests.rule_says('trading_state', '{"trading_state": "active"}'), 'passed',
  'active trading lets an entry pass');
select is(tests.rule_says('trading_state', '{"trading_state": "reducing"}'), 'trading_not_active',
  'reducing lets no entry pass');
select is(tests.rule_says('trading_state', '{"trading_state": null}'), 'trading_not_active',
  'an unknown trading_state denies');
select is(tests.rule_says('trading_state', '{}', '{trading_state}'), 'trading_not_active',
  'a missing trading_state denies');
select is(tests.rule_says('trading_state', '{"trading_state": "halted"}'), 'trading_not_active',
  'halted lets no entry pass');

select * from finish();
rollback;
