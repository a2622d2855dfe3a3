begin;
select plan(6);

select is(tests.risk_says('max_order', '{"max_order_quote": 100}', '{"notional": 99.99}'), 'passed',
  'one order just inside the limit passes');
select is(tests.risk_says('max_order', '{"max_order_quote": 100}', '{"notional": 100}'), 'passed',
  'one at the limit passes');
select is(tests.risk_says('max_order', '{"max_order_quote": 100}', '{"notional": 100.01}'), 'max_order',
  'just outside is denied');
select is(tests.risk_says('max_order', '{"max_order_quote": 100}', '{"notional": 100}', '{}', '{"max_order_quote": 99}'), 'max_order',
  'the stricter of trader and account counts');
select is(tests.risk_says('max_order', '{"max_order_quote": 100}', '{}', '{notional}'), 'max_order',
  'an unknown order denies');
select is(tests.risk_says('max_order', '{}', '{"notional": 1e6}'), 'passed',
  'without a limit every order passes');

select * from finish();
rollback;
