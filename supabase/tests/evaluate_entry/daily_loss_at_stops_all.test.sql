begin;
select plan(8);

select is(tests.risk_says('daily_loss_at_stops_all', '{}', '{"loss_at_stops_all": 44.99, "max_loss": 5}', '{}', '{"max_daily_loss_quote": 50}'), 'passed',
  'what all stops would cost, this one included, just inside the limit passes');
select is(tests.risk_says('daily_loss_at_stops_all', '{}', '{"loss_at_stops_all": 45, "max_loss": 5}', '{}', '{"max_daily_loss_quote": 50}'), 'passed',
  'exactly the limit is within it');
select is(tests.risk_says('daily_loss_at_stops_all', '{}', '{"loss_at_stops_all": 45.01, "max_loss": 5}', '{}', '{"max_daily_loss_quote": 50}'), 'daily_loss_at_stops_all',
  'just outside is denied');
select is(tests.risk_says('daily_loss_at_stops_all', '{}', '{"loss_at_stops_all": -100, "max_loss": 150}', '{}', '{"max_daily_loss_quote": 50}'), 'passed',
  'what was gained today may be lost again');
select is(tests.risk_says('daily_loss_at_stops_all', '{}', '{"equity_all": 5000, "loss_at_stops_all": 45.01, "max_loss": 5}', '{}', '{"max_daily_loss_percent": 1}'), 'daily_loss_at_stops_all',
  'a percent is one of the equity of the moment');
select is(tests.risk_says('daily_loss_at_stops_all', '{}', '{}', '{loss_at_stops_all}', '{"max_daily_loss_quote": 50}'), 'daily_loss_at_stops_all',
  'an unknown loss denies');
select is(tests.risk_says('daily_loss_at_stops_all', '{}', '{}', '{max_loss}', '{"max_daily_loss_quote": 50}'), 'daily_loss_at_stops_all',
  'so does an entry whose own loss is unknown');
select is(tests.risk_says('daily_loss_at_stops_all', '{}', '{"loss_at_stops_all": 9999}', '{}', '{}'), 'passed',
  'without a limit every loss passes');

select * from finish();
rollback;
