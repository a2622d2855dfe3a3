begin;
select plan(5);

select is(tests.risk_says('consecutive_losses', '{"max_consecutive_losses": 3}', '{"loss_streak": 2}'), 'passed',
  'one loss less than allowed passes');
select is(tests.risk_says('consecutive_losses', '{"max_consecutive_losses": 3}', '{"loss_streak": 3}'), 'consecutive_losses',
  'as many as allowed deny');
select is(tests.risk_says('consecutive_losses', '{"max_consecutive_losses": 3}', '{"loss_streak": 4}'), 'consecutive_losses',
  'so do more');
select is(tests.risk_says('consecutive_losses', '{"max_consecutive_losses": 3}', '{}', '{loss_streak}'), 'consecutive_losses',
  'an unknown streak denies');
select is(tests.risk_says('consecutive_losses', '{}', '{"loss_streak": 1000}'), 'passed',
  'without a limit every streak passes');

select * from finish();
rollback;
