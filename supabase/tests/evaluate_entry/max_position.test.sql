begin;
select plan(6);

select is(tests.rule_says('max_position', '{"notional": 99.99, "limits": {"max_position_quote": 100}}'), 'passed',
  'a position just inside the limit passes');
select is(tests.rule_says('max_position', '{"notional": 100, "limits": {"max_position_quote": 100}}'), 'passed',
  'a position at the limit passes');
select is(tests.rule_says('max_position', '{"notional": 100.01, "limits": {"max_position_quote": 100}}'), 'max_position',
  'a position just outside is denied');
select is(tests.rule_says('max_position', '{"notional": 100, "limits": {"max_position_quote": 100}, "limits_all": {"max_position_quote": 99}}'),
  'max_position',
  'the stricter of trader and account counts');
select is(tests.rule_says('max_position', '{"limits": {"max_position_quote": 100}}', '{notional}'), 'max_position',
  'an unknown notional denies');
select is(tests.rule_says('max_position', '{"notional": 100.01, "limits": {}}'), 'passed',
  'without a limit it passes');

select * from finish();
rollback;
