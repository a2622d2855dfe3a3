begin;
select plan(7);

select is(tests.risk_says('drawdown', '{"max_drawdown_percent": 10}', '{"peak_equity": 10000, "equity": 9000.01}'), 'passed',
  'a fall just inside the limit passes');
select is(tests.risk_says('drawdown', '{"max_drawdown_percent": 10}', '{"peak_equity": 10000, "equity": 9000}'), 'drawdown',
  'at the limit it trips');
select is(tests.risk_says('drawdown', '{"max_drawdown_percent": 10}', '{"peak_equity": 10000, "equity": 8999.99}'), 'drawdown',
  'and beyond it');
select is(tests.risk_says('drawdown', '{"max_drawdown_percent": 10}', '{}', '{peak_equity}'), 'drawdown',
  'an unknown peak denies');
select is(tests.risk_says('drawdown', '{"max_drawdown_percent": 10}', '{}', '{equity}'), 'drawdown',
  'so does an unknown equity');
select is(tests.risk_says('drawdown', '{"max_drawdown_percent": 10}', '{"peak_equity": 0, "equity": 0}'), 'drawdown',
  'an account that never had anything has nothing to lose');
select is(tests.risk_says('drawdown', '{}', '{"peak_equity": 10000, "equity": 1}'), 'passed',
  'without a limit every fall passes');

select * from finish();
rollback;
