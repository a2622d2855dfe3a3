begin;
select plan(7);

select is(tests.risk_says('reward_risk', '{"min_reward_risk": 2}', '{"reward": 10.01, "max_loss": 5}'), 'passed',
  'a reward just above passes');
select is(tests.risk_says('reward_risk', '{"min_reward_risk": 2}', '{"reward": 10, "max_loss": 5}'), 'passed',
  'exactly twice the risk passes');
select is(tests.risk_says('reward_risk', '{"min_reward_risk": 2}', '{"reward": 9.99, "max_loss": 5}'), 'reward_risk_too_low',
  'just below is denied');
select is(tests.risk_says('reward_risk', '{"min_reward_risk": 2}', '{"reward": 10, "max_loss": 5}', '{}', '{"min_reward_risk": 3}'), 'reward_risk_too_low',
  'the stricter of trader and account counts');
select is(tests.risk_says('reward_risk', '{"min_reward_risk": 2}', '{"reward": null}'), 'reward_risk_too_low',
  'without a target there is no reward');
select is(tests.risk_says('reward_risk', '{"min_reward_risk": 2}', '{}', '{max_loss}'), 'reward_risk_too_low',
  'an unknown risk denies');
select is(tests.risk_says('reward_risk', '{}', '{"reward": -1}'), 'passed',
  'without a limit every ratio passes');

select * from finish();
rollback;
