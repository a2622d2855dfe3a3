-- the limit is a share of equity: 5 % of 10,000
begin;
select plan(7);

select is(tests.rule_says('exposure_percent', '{"exposure": 399.99, "limits": {"max_exposure_percent": 5}}'), 'passed',
  'what is held and the order together, just inside the limit, pass');
select is(tests.rule_says('exposure_percent', '{"exposure": 400, "limits": {"max_exposure_percent": 5}}'), 'passed',
  'exactly at the limit they pass');
select is(tests.rule_says('exposure_percent', '{"exposure": 400.01, "limits": {"max_exposure_percent": 5}}'), 'max_exposure_percent',
  'just outside they are denied');
select is(tests.rule_says('exposure_percent', '{"limits": {"max_exposure_percent": 5}}', '{exposure}'), 'max_exposure_percent',
  'an unknown exposure denies');
select is(tests.rule_says('exposure_percent', '{"limits": {"max_exposure_percent": 5}}', '{notional}'), 'max_exposure_percent',
  'an unknown size denies');
select is(tests.rule_says('exposure_percent', '{"exposure": 1000000000.0, "limits": {}}'), 'passed',
  'without a limit they pass');
select is(tests.rule_says('exposure_percent', '{"limits": {"max_exposure_percent": 5}}', '{equity}'), 'max_exposure_percent',
  'an unknown equity denies');

select * from finish();
rollback;
