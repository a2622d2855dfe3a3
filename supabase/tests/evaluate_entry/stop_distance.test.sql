begin;
select plan(7);

select is(tests.rule_says('stop_distance', '{"stop": 95.01, "limits": {"max_stop_distance_percent": 5}}'), 'passed',
  'a stop nearer than the limit passes');
select is(tests.rule_says('stop_distance', '{"stop": 95, "limits": {"max_stop_distance_percent": 5}}'), 'passed',
  'one exactly at the limit passes');
select is(tests.rule_says('stop_distance', '{"stop": 94.99, "limits": {"max_stop_distance_percent": 5}}'), 'stop_too_far',
  'one tick farther is too far');
select is(tests.rule_says('stop_distance', '{"stop": 96, "limits": {"max_stop_distance_percent": 5}, "limits_all": {"max_stop_distance_percent": 3}}'),
  'stop_too_far',
  'the stricter of trader and account counts');
select is(tests.rule_says('stop_distance', '{"stop": null, "limits": {"max_stop_distance_percent": 5}}'), 'stop_too_far',
  'a missing stop is infinitely far');
select is(tests.rule_says('stop_distance', '{"stop": "NaN", "limits": {"max_stop_distance_percent": 5}}'), 'stop_too_far',
  'NaN is no distance');
select is(tests.rule_says('stop_distance', '{"stop": 1}'), 'passed',
  'without a limit every distance passes');

select * from finish();
rollback;
