begin;
select plan(7);

select is(tests.risk_says('held_price_age', '{"max_daily_loss_quote": 50}', '{"held_price_age_ms": 9999}'), 'passed',
  'prices of what is held that are a millisecond younger than allowed pass');
select is(tests.risk_says('held_price_age', '{"max_daily_loss_quote": 50}', '{"held_price_age_ms": 10000}'), 'passed',
  'those exactly that old pass');
select is(tests.risk_says('held_price_age', '{"max_daily_loss_quote": 50}', '{"held_price_age_ms": 10001}'), 'held_price_stale',
  'a millisecond older, and the loss is not known');
select is(tests.risk_says('held_price_age', '{"max_drawdown_percent": 5}', '{"held_price_age_ms": 10001}'), 'held_price_stale',
  'nor is the drawdown');
select is(tests.risk_says('held_price_age', '{}', '{"held_price_age_all_ms": 10001}', '{}', '{"max_daily_loss_percent": 5}'), 'held_price_stale',
  'account-wide limits look at everything the user holds');
select is(tests.risk_says('held_price_age', '{"max_daily_loss_quote": 50}', '{}', '{held_price_age_ms}'), 'held_price_stale',
  'an unknown age denies');
select is(tests.risk_says('held_price_age', '{}', '{"held_price_age_ms": 99999, "held_price_age_all_ms": 99999}'), 'passed',
  'without a loss limit nobody asks');

select * from finish();
rollback;
