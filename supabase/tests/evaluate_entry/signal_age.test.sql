begin;
select plan(5);

select is(tests.rule_says('signal_age', '{"decision_age_ms": 299999}'), 'passed',
  'a decision a millisecond younger than its time to live passes');
select is(tests.rule_says('signal_age', '{"decision_age_ms": 300000}'), 'passed',
  'one exactly that old passes');
select is(tests.rule_says('signal_age', '{"decision_age_ms": 300001}'), 'signal_stale',
  'a millisecond later it is stale');
select is(tests.rule_says('signal_age', '{}', '{decision_age_ms}'), 'signal_stale',
  'a decision of unknown age is stale');
select is(tests.rule_says('signal_age', '{}', '{signal_ttl_ms}'), 'signal_stale',
  'an unknown time to live denies');

select * from finish();
rollback;
