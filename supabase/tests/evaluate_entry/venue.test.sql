begin;
select plan(3);

select is(tests.rule_says('venue', '{"has_venue": true}'), 'passed',
  'a trader with an account may enter');
select is(tests.rule_says('venue', '{"has_venue": false}'), 'live_not_available',
  'a trader without one may not');
select is(tests.rule_says('venue', '{}', '{has_venue}'), 'live_not_available',
  'a missing fact denies');

select * from finish();
rollback;
