begin;
select plan(6);

select is(tests.rule_says('min_position', '{"notional": 100.01, "limits": {"min_position_quote": 100}}'), 'passed',
  'a position just above the minimum passes');
select is(tests.rule_says('min_position', '{"notional": 100, "limits": {"min_position_quote": 100}}'), 'passed',
  'the minimum itself passes');
select is(tests.rule_says('min_position', '{"notional": 99.99, "limits": {"min_position_quote": 100}}'), 'min_position',
  'a smaller one is denied');
select is(tests.rule_says('min_position', '{"notional": 100, "limits": {"min_position_quote": 10}, "limits_all": {"min_position_quote": 101}}'),
  'min_position',
  'the stricter of trader and account counts');
select is(tests.rule_says('min_position', '{"limits": {"min_position_quote": 10}}', '{notional}'), 'min_position',
  'an unknown size denies');
select is(tests.rule_says('min_position', '{"limits": {}}'), 'min_position',
  'limits without a minimum are not whole, and deny');

select * from finish();
rollback;
