begin;
select plan(7);

select is(tests.rule_says('confidence', '{"confidence": 0}'), 'passed',
  '0 is a confidence');
select is(tests.rule_says('confidence', '{"confidence": 100}'), 'passed',
  '100 is a confidence');
select is(tests.rule_says('confidence', '{"confidence": 100.01}'), 'confidence_invalid',
  'above 100 there is none');
select is(tests.rule_says('confidence', '{"confidence": -0.01}'), 'confidence_invalid',
  'below 0 there is none');
select is(tests.rule_says('confidence', '{"confidence": "NaN"}'), 'confidence_invalid',
  'NaN is none, although it compares above every number');
select is(tests.rule_says('confidence', '{"confidence": "Infinity"}'), 'confidence_invalid',
  'Infinity is none');
select is(tests.rule_says('confidence', '{"confidence": null}'), 'passed',
  'an AI that says nothing of its confidence is not refused for it');

select * from finish();
rollback;
