begin;
select plan(5);

select is(tests.rule_says('symbol_status', '{"symbol_status": "TRADING"}'), 'passed',
  'a symbol that trades passes');
select is(tests.rule_says('symbol_status', '{"symbol_status": "DELISTED"}'), 'symbol_not_trading',
  'a delisted one does not');
select is(tests.rule_says('symbol_status', '{"symbol_status": null}'), 'symbol_not_trading',
  'an unknown symbol_status denies');
select is(tests.rule_says('symbol_status', '{}', '{symbol_status}'), 'symbol_not_trading',
  'a missing symbol_status denies');
select is(tests.rule_says('symbol_status', '{"symbol_status": "HALT"}'), 'symbol_not_trading',
  'a halted one does not');

select * from finish();
rollback;
