begin;
select plan(6);

select is(tests.rule_says('exposure', '{"exposure": 399.99, "limits": {"max_exposure_quote": 500}}'), 'passed',
  'what is held and the order together, just inside the limit, pass');
select is(tests.rule_says('exposure', '{"exposure": 400, "limits": {"max_exposure_quote": 500}}'), 'passed',
  'exactly at the limit they pass');
select is(tests.rule_says('exposure', '{"exposure": 400.01, "limits": {"max_exposure_quote": 500}}'), 'max_exposure',
  'just outside they are denied');
select is(tests.rule_says('exposure', '{"limits": {"max_exposure_quote": 500}}', '{exposure}'), 'max_exposure',
  'an unknown exposure denies');
select is(tests.rule_says('exposure', '{"limits": {"max_exposure_quote": 500}}', '{notional}'), 'max_exposure',
  'an unknown size denies');
select is(tests.rule_says('exposure', '{"exposure": 1000000000.0, "limits": {}}'), 'passed',
  'without a limit they pass');

select * from finish();
rollback;
