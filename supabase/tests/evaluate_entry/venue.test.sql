begin;
select plan(5);

select is(tests.rule_says('venue', '{"has_venue": true}'), 'passed',
  'a trader with an account may enter');
select is(tests.rule_says('venue', '{"has_venue": false}'), 'live_not_available',
  'a trader without one may not');
select is(tests.rule_says('venue', '{}', '{has_venue}'), 'live_not_available',
  'a missing fact denies');
select is(tests.rule_says('quarantine', '{"is_quarantined": true}'), 'symbol_quarantined',
  'nor may one enter a symbol whose books do not agree');
select is(tests.rule_says('quarantine', '{}', '{is_quarantined}'), 'symbol_quarantined',
  'of which nothing is known, neither');

select * from finish();
rollback;
