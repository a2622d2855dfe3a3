begin;
select plan(4);

select is(tests.rule_says('venue', '{"mode": "paper"}'), 'passed',
  'a paper trader may enter');
select is(tests.rule_says('venue', '{"mode": "live"}'), 'live_not_available',
  'a live trader may not: there is no exchange account');
select is(tests.rule_says('venue', '{"mode": null}'), 'live_not_available',
  'an unknown mode denies');
select is(tests.rule_says('venue', '{}', '{mode}'), 'live_not_available',
  'a missing mode denies');

select * from finish();
rollback;
