begin;
select plan(4);

select is(tests.rule_says('symbol_known', '{"symbol_known": true}'), 'passed',
  'a listed symbol passes');
select is(tests.rule_says('symbol_known', '{"symbol_known": false}'), 'symbol_unknown',
  'an unlisted one does not');
select is(tests.rule_says('symbol_known', '{"symbol_known": null}'), 'symbol_unknown',
  'an unknown symbol_known denies');
select is(tests.rule_says('symbol_known', '{}', '{symbol_known}'), 'symbol_unknown',
  'a missing symbol_known denies');

select * from finish();
rollback;
