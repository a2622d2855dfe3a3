begin;
select plan(8);

select is(tests.risk_says('daily_loss_at_stops', '{"max_daily_loss_quote": 50}', '{"loss_at_stops": 44.99, "max_loss": 5}'), 'passed',
  'what all stops would cost, this one included, just inside the limit passes');
select is(tests.risk_says('daily_loss_at_stops', '{"max_daily_loss_quote": 50}', '{"loss_at_stops": 45, "max_loss": 5}'), 'passed',
  'exactly the limit is within it');
select is(tests.risk_says('daily_loss_at_stops', '{"max_daily_loss_quote": 50}', '{"loss_at_stops": 45.01, "max_loss": 5}'), 'daily_loss_at_stops',
  'just outside is denied');
select is(tests.risk_says('daily_loss_at_stops', '{"max_daily_loss_quote": 50}', '{"loss_at_stops": -100, "max_loss": 150}'), 'passed',
  'what was gained today may be lost again');
select is(tests.risk_says('daily_loss_at_stops', '{"max_daily_loss_percent": 1}', '{"equity": 5000, "loss_at_stops": 45.01, "max_loss": 5}'), 'daily_loss_at_stops',
  'a percent is one of the equity of the moment');
select is(tests.risk_says('daily_loss_at_stops', '{"max_daily_loss_quote": 50}', '{}', '{loss_at_stops}'), 'daily_loss_at_stops',
  'an unknown loss denies');
select is(tests.risk_says('daily_loss_at_stops', '{"max_daily_loss_quote": 50}', '{}', '{max_loss}'), 'daily_loss_at_stops',
  'so does an entry whose own loss is unknown');
select is(tests.risk_says('daily_loss_at_stops', '{}', '{"loss_at_stops": 9999}'), 'passed',
  'without a limit every loss passes');

select * from finish();
rollback;
