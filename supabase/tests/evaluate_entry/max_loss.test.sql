begin;
select plan(6);

select is(tests.risk_says('max_loss', '{"max_loss_per_position": 100}', '{"max_loss": 99.99}'), 'passed',
  'one loss at the stop just inside the limit passes');
select is(tests.risk_says('max_loss', '{"max_loss_per_position": 100}', '{"max_loss": 100}'), 'passed',
  'one at the limit passes');
select is(tests.risk_says('max_loss', '{"max_loss_per_position": 100}', '{"max_loss": 100.01}'), 'max_loss',
  'just outside is denied');
select is(tests.risk_says('max_loss', '{"max_loss_per_position": 100}', '{"max_loss": 100}', '{}', '{"max_loss_per_position": 99}'), 'max_loss',
  'the stricter of trader and account counts');
select is(tests.risk_says('max_loss', '{"max_loss_per_position": 100}', '{}', '{max_loss}'), 'max_loss',
  'an unknown loss at the stop denies');
select is(tests.risk_says('max_loss', '{}', '{"max_loss": 1e6}'), 'passed',
  'without a limit every loss at the stop passes');

select * from finish();
rollback;
