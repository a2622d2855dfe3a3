-- the sum over all traders of the user, against a share of their equity: 5 % of 10,000
begin;
select plan(7);

select is(tests.rule_says('exposure_percent_all', '{"exposure_all": 399.99, "limits_all": {"max_exposure_percent": 5}}'), 'passed',
  'what is held and the order together, just inside the limit, pass');
select is(tests.rule_says('exposure_percent_all', '{"exposure_all": 400, "limits_all": {"max_exposure_percent": 5}}'), 'passed',
  'exactly at the limit they pass');
select is(tests.rule_says('exposure_percent_all', '{"exposure_all": 400.01, "limits_all": {"max_exposure_percent": 5}}'),
  'max_exposure_percent_all',
  'just outside they are denied');
select is(tests.rule_says('exposure_percent_all', '{"limits_all": {"max_exposure_percent": 5}}', '{exposure_all}'),
  'max_exposure_percent_all',
  'an unknown exposure_all denies');
select is(tests.rule_says('exposure_percent_all', '{"limits_all": {"max_exposure_percent": 5}}', '{notional}'), 'max_exposure_percent_all',
  'an unknown size denies');
select is(tests.rule_says('exposure_percent_all', '{"exposure_all": 1000000000.0, "limits_all": {}}'), 'passed',
  'without a limit they pass');
select is(tests.rule_says('exposure_percent_all', '{"limits_all": {"max_exposure_percent": 5}}', '{equity_all}'),
  'max_exposure_percent_all',
  'an unknown equity of all traders denies');

select * from finish();
rollback;
