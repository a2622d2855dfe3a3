begin;
select plan(4);

select is(tests.rule_says('limits_present', '{"limits": {}}'), 'passed',
  'a row of limits is enough, even one that limits nothing');
select is(tests.rule_says('limits_present', '{"limits": null}'), 'no_risk_limits',
  'a trader without a row cannot trade');
select is(tests.rule_says('limits_present', '{"limits": null, "limits_all": {"max_position_quote": 1000}}'), 'no_risk_limits',
  'account-wide limits do not stand in for the trader''s own');
select is(tests.rule_says('limits_present', '{}', '{limits}'), 'no_risk_limits',
  'limits that were not looked up deny');

select * from finish();
rollback;
