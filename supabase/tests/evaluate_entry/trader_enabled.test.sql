begin;
select plan(4);

select is(tests.rule_says('trader_enabled', '{"trader_enabled": true}'), 'passed',
  'an enabled trader may enter');
select is(tests.rule_says('trader_enabled', '{"trader_enabled": false}'), 'trader_disabled',
  'a disabled trader may not');
select is(tests.rule_says('trader_enabled', '{"trader_enabled": null}'), 'trader_disabled',
  'an unknown trader_enabled denies');
select is(tests.rule_says('trader_enabled', '{}', '{trader_enabled}'), 'trader_disabled',
  'a missing trader_enabled denies');

select * from finish();
rollback;
