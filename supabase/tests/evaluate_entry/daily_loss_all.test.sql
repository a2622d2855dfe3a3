begin;
select plan(10);

select is(tests.risk_says('daily_loss_all', '{}', '{"loss_now_all": 49.99}', '{}', '{"max_daily_loss_quote": 50}'), 'passed',
  'a loss just inside the limit passes');
select is(tests.risk_says('daily_loss_all', '{}', '{"loss_now_all": 50}', '{}', '{"max_daily_loss_quote": 50}'), 'daily_loss_all',
  'at the limit it trips');
select is(tests.risk_says('daily_loss_all', '{}', '{"loss_now_all": 50.01}', '{}', '{"max_daily_loss_quote": 50}'), 'daily_loss_all',
  'and beyond it');
select is(tests.risk_says('daily_loss_all', '{}', '{"loss_now_all": -1000}', '{}', '{"max_daily_loss_quote": 50}'), 'passed',
  'a gain is no loss');
select is(tests.risk_says('daily_loss_all', '{}', '{"equity_all": 5000, "loss_now_all": 49.99}', '{}', '{"max_daily_loss_percent": 1}'), 'passed',
  'a percent is one of the equity of the moment: just inside');
select is(tests.risk_says('daily_loss_all', '{}', '{"equity_all": 5000, "loss_now_all": 50}', '{}', '{"max_daily_loss_percent": 1}'), 'daily_loss_all',
  'and at it');
select is(tests.risk_says('daily_loss_all', '{}', '{"equity_all": 5000, "loss_now_all": 40}', '{}', '{"max_daily_loss_percent": 1, "max_daily_loss_quote": 40}'), 'daily_loss_all',
  'of quote and percent the stricter counts');
select is(tests.risk_says('daily_loss_all', '{}', '{}', '{loss_now_all}', '{"max_daily_loss_quote": 50}'), 'daily_loss_all',
  'an unknown loss denies');
select is(tests.risk_says('daily_loss_all', '{}', '{"loss_now_all": 0}', '{equity_all}', '{"max_daily_loss_percent": 1, "max_daily_loss_quote": 50}'), 'daily_loss_all',
  'percent of an unknown equity denies');
select is(tests.risk_says('daily_loss_all', '{}', '{"loss_now_all": 9999}', '{}', '{}'), 'passed',
  'without a limit every loss passes');

select * from finish();
rollback;
