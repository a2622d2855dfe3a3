-- what other orders have reserved is not free
begin;
select plan(6);

select is(tests.rule_says('balance', '{"cash": 150.01, "reserved": 50}'), 'passed',
  'free cash just above the order passes');
select is(tests.rule_says('balance', '{"cash": 150, "reserved": 50}'), 'passed',
  'free cash for exactly the order passes');
select is(tests.rule_says('balance', '{"cash": 149.99, "reserved": 50}'), 'insufficient_balance',
  'a cent short is denied');
select is(tests.rule_says('balance', '{}', '{cash}'), 'insufficient_balance',
  'unknown cash denies');
select is(tests.rule_says('balance', '{}', '{reserved}'), 'insufficient_balance',
  'unknown reservations deny');
select is(tests.rule_says('balance', '{}', '{notional}'), 'insufficient_balance',
  'an unknown size denies');

select * from finish();
rollback;
