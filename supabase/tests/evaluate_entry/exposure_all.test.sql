-- the sum over all traders of the user, against the account-wide row
begin;
select plan(7);

select is(tests.rule_says('exposure_all', '{"exposure_all": 399.99, "limits_all": {"max_exposure_quote": 500}}'), 'passed',
  'what is held and the order together, just inside the limit, pass');
select is(tests.rule_says('exposure_all', '{"exposure_all": 400, "limits_all": {"max_exposure_quote": 500}}'), 'passed',
  'exactly at the limit they pass');
select is(tests.rule_says('exposure_all', '{"exposure_all": 400.01, "limits_all": {"max_exposure_quote": 500}}'), 'max_exposure_all',
  'just outside they are denied');
select is(tests.rule_says('exposure_all', '{"limits_all": {"max_exposure_quote": 500}}', '{exposure_all}'), 'max_exposure_all',
  'an unknown exposure_all denies');
select is(tests.rule_says('exposure_all', '{"limits_all": {"max_exposure_quote": 500}}', '{notional}'), 'max_exposure_all',
  'an unknown size denies');
select is(tests.rule_says('exposure_all', '{"exposure_all": 1000000000.0, "limits_all": {}}'), 'passed',
  'without a limit they pass');
select is(tests.rule_says('exposure_all', '{"exposure_all": 1000, "limits": {"max_exposure_quote": 500}}'), 'passed',
  'the trader''s own limit says nothing of the others');

select * from finish();
rollback;
