-- the limit is a share of equity: 2 % of 10,000
begin;
select plan(7);

select is(tests.rule_says('max_position_percent', '{"notional": 199.99, "limits": {"max_position_percent": 2}}'), 'passed',
  'a position just inside the limit passes');
select is(tests.rule_says('max_position_percent', '{"notional": 200, "limits": {"max_position_percent": 2}}'), 'passed',
  'a position at the limit passes');
select is(tests.rule_says('max_position_percent', '{"notional": 200.01, "limits": {"max_position_percent": 2}}'), 'max_position_percent',
  'a position just outside is denied');
select is(tests.rule_says('max_position_percent', '{"notional": 200, "limits": {"max_position_percent": 2}, "limits_all": {"max_position_percent": 1}}'),
  'max_position_percent',
  'the stricter of trader and account counts');
select is(tests.rule_says('max_position_percent', '{"limits": {"max_position_percent": 2}}', '{notional}'), 'max_position_percent',
  'an unknown notional denies');
select is(tests.rule_says('max_position_percent', '{"notional": 200.01, "limits": {}}'), 'passed',
  'without a limit it passes');
select is(tests.rule_says('max_position_percent', '{"limits": {"max_position_percent": 2}}', '{equity}'), 'max_position_percent',
  'an unknown equity denies');

select * from finish();
rollback;
