begin;
select plan(7);

select is(tests.risk_says('drawdown_all', '{}', '{"peak_equity_all": 10000, "equity_all": 9000.01}', '{}', '{"max_drawdown_percent": 10}'), 'passed',
  'a fall just inside the limit passes');
select is(tests.risk_says('drawdown_all', '{}', '{"peak_equity_all": 10000, "equity_all": 9000}', '{}', '{"max_drawdown_percent": 10}'), 'drawdown_all',
  'at the limit it trips');
select is(tests.risk_says('drawdown_all', '{}', '{"peak_equity_all": 10000, "equity_all": 8999.99}', '{}', '{"max_drawdown_percent": 10}'), 'drawdown_all',
  'and beyond it');
select is(tests.risk_says('drawdown_all', '{}', '{}', '{peak_equity_all}', '{"max_drawdown_percent": 10}'), 'drawdown_all',
  'an unknown peak denies');
select is(tests.risk_says('drawdown_all', '{}', '{}', '{equity_all}', '{"max_drawdown_percent": 10}'), 'drawdown_all',
  'so does an unknown equity');
select is(tests.risk_says('drawdown_all', '{}', '{"peak_equity_all": 0, "equity_all": 0}', '{}', '{"max_drawdown_percent": 10}'), 'drawdown_all',
  'an account that never had anything has nothing to lose');
select is(tests.risk_says('drawdown_all', '{}', '{"peak_equity_all": 10000, "equity_all": 1}', '{}', '{}'), 'passed',
  'without a limit every fall passes');

select * from finish();
rollback;
