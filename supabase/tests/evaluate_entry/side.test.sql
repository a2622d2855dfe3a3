begin;
select plan(6);

select is(tests.rule_says('side', '{"side": "long"}'), 'passed',
  'a long can be opened');
select is(tests.rule_says('side', '{"side": "short"}'), 'short_not_supported',
  'a short cannot: this is Spot');
select is(tests.rule_says('side', '{"side": null}'), 'short_not_supported',
  'an unknown side denies');
select is(tests.rule_says('side', '{}', '{side}'), 'short_not_supported',
  'a missing side denies');
select is(tests.rule_says('side', '{"side": "LONG"}'), 'short_not_supported',
  'the side is compared as the facts spell it: small letters');
select is(tests.rule_says('side', '{"side": "buy"}'), 'short_not_supported',
  'a word that is no side is no long');

select * from finish();
rollback;
