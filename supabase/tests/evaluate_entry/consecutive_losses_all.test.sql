begin;
select plan(5);

select is(tests.risk_says('consecutive_losses_all', '{}', '{"loss_streak_all": 2}', '{}', '{"max_consecutive_losses": 3}'), 'passed',
  'one loss less than allowed passes');
select is(tests.risk_says('consecutive_losses_all', '{}', '{"loss_streak_all": 3}', '{}', '{"max_consecutive_losses": 3}'), 'consecutive_losses_all',
  'as many as allowed deny');
select is(tests.risk_says('consecutive_losses_all', '{}', '{"loss_streak_all": 4}', '{}', '{"max_consecutive_losses": 3}'), 'consecutive_losses_all',
  'so do more');
select is(tests.risk_says('consecutive_losses_all', '{}', '{}', '{loss_streak_all}', '{"max_consecutive_losses": 3}'), 'consecutive_losses_all',
  'an unknown streak denies');
select is(tests.risk_says('consecutive_losses_all', '{}', '{"loss_streak_all": 1000}', '{}', '{}'), 'passed',
  'without a limit every streak passes');

select * from finish();
rollback;
