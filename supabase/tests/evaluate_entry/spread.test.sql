begin;
select plan(6);

select is(tests.risk_says('spread', '{"max_spread_percent": 1}', '{"bid": 99.51, "ask": 100.5}'), 'passed',
  'a spread just inside the limit passes');
select is(tests.risk_says('spread', '{"max_spread_percent": 1}', '{"bid": 99.5, "ask": 100.5}'), 'passed',
  'one at the limit passes: 1 of a mid price of 100');
select is(tests.risk_says('spread', '{"max_spread_percent": 1}', '{"bid": 99.49, "ask": 100.5}'), 'spread_too_wide',
  'just outside it is too wide');
select is(tests.risk_says('spread', '{"max_spread_percent": 1}', '{"bid": 99.4, "ask": 100.4}', '{}', '{"max_spread_percent": 0.5}'), 'spread_too_wide',
  'the stricter of trader and account counts');
select is(tests.risk_says('spread', '{"max_spread_percent": 1}', '{}', '{bid}'), 'spread_too_wide',
  'an unknown spread denies');
select is(tests.risk_says('spread', '{}', '{"bid": 1}'), 'passed',
  'without a limit every spread passes');

select * from finish();
rollback;
