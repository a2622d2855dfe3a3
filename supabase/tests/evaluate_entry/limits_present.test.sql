begin;
select plan(5);

select is(tests.rule_says('limits_present', '{"limits": {"max_open_positions": 1}}'), 'passed',
  'a row with one limit on positions is enough');
select is(tests.rule_says('limits_present', '{"limits": {"min_position_quote": 10}}'), 'no_risk_limits',
  'a row that limits nothing is not');
select is(tests.rule_says('limits_present', '{"limits": null}'), 'no_risk_limits',
  'a trader without a row cannot trade');
select is(tests.rule_says('limits_present', '{"limits": null, "limits_all": {"max_position_quote": 1000}}'), 'no_risk_limits',
  'account-wide limits do not stand in for the trader''s own');
select is(tests.rule_says('limits_present', '{}', '{limits}'), 'no_risk_limits',
  'limits that were not looked up deny');

select * from finish();
rollback;
