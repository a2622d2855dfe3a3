begin;
select plan(8);

select is(tests.rule_says('min_confidence', '{"confidence": 70.01, "limits": {"min_confidence": 70}}'), 'passed',
  'above the minimum passes');
select is(tests.rule_says('min_confidence', '{"confidence": 70, "limits": {"min_confidence": 70}}'), 'passed',
  'the minimum itself passes');
select is(tests.rule_says('min_confidence', '{"confidence": 69.99, "limits": {"min_confidence": 70}}'), 'confidence_too_low',
  'below it is denied');
select is(tests.rule_says('min_confidence', '{"confidence": 75, "limits": {"min_confidence": 70}, "limits_all": {"min_confidence": 80}}'),
  'confidence_too_low',
  'the stricter of trader and account counts');
select is(tests.rule_says('min_confidence', '{"confidence": 75, "limits": {"min_confidence": 80}, "limits_all": {"min_confidence": 70}}'),
  'confidence_too_low',
  'whichever of the two it is');
select is(tests.rule_says('min_confidence', '{"confidence": null, "limits": {"min_confidence": 1}}'), 'confidence_too_low',
  'no confidence is not enough where a minimum is set');
select is(tests.rule_says('min_confidence', '{"confidence": "NaN", "limits": {"min_confidence": 1}}'), 'confidence_too_low',
  'NaN is not enough either');
select is(tests.rule_says('min_confidence', '{"confidence": 0}'), 'passed',
  'without a minimum every confidence passes');

select * from finish();
rollback;
