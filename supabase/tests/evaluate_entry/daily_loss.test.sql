begin;
select plan(10);

select is(tests.risk_says('daily_loss', '{"max_daily_loss_quote": 50}', '{"loss_now": 49.99}'), 'passed',
  'a loss just inside the limit passes');
select is(tests.risk_says('daily_loss', '{"max_daily_loss_quote": 50}', '{"loss_now": 50}'), 'daily_loss',
  'at the limit it trips');
select is(tests.risk_says('daily_loss', '{"max_daily_loss_quote": 50}', '{"loss_now": 50.01}'), 'daily_loss',
  'and beyond it');
select is(tests.risk_says('daily_loss', '{"max_daily_loss_quote": 50}', '{"loss_now": -1000}'), 'passed',
  'a gain is no loss');
select is(tests.risk_says('daily_loss', '{"max_daily_loss_percent": 1}', '{"equity": 5000, "loss_now": 49.99}'), 'passed',
  'a percent is one of the equity of the moment: just inside');
select is(tests.risk_says('daily_loss', '{"max_daily_loss_percent": 1}', '{"equity": 5000, "loss_now": 50}'), 'daily_loss',
  'and at it');
select is(tests.risk_says('daily_loss', '{"max_daily_loss_percent": 1, "max_daily_loss_quote": 40}', '{"equity": 5000, "loss_now": 40}'), 'daily_loss',
  'of quote and percent the stricter counts');
select is(tests.risk_says('daily_loss', '{"max_daily_loss_quote": 50}', '{}', '{loss_now}'), 'daily_loss',
  'an unknown loss denies');
select is(tests.risk_says('daily_loss', '{"max_daily_loss_percent": 1, "max_daily_loss_quote": 50}', '{"loss_now": 0}', '{equity}'), 'daily_loss',
  'percent of an unknown equity denies');
select is(tests.risk_says('daily_loss', '{}', '{"loss_now": 9999}'), 'passed',
  'without a limit every loss passes');

select * from finish();
rollback;
