begin;
select plan(7);

select is(tests.risk_says('price_deviation', '{"max_price_deviation_percent": 1}', '{"price": 100.99, "ask": 100}'), 'passed',
  'a price just inside the limit passes');
select is(tests.risk_says('price_deviation', '{"max_price_deviation_percent": 1}', '{"price": 101, "ask": 100}'), 'passed',
  'one at the limit passes');
select is(tests.risk_says('price_deviation', '{"max_price_deviation_percent": 1}', '{"price": 101.01, "ask": 100}'), 'price_deviation',
  'just outside it is denied');
select is(tests.risk_says('price_deviation', '{"max_price_deviation_percent": 1}', '{"order_type": "limit", "price": 98.99, "ask": 100}'), 'price_deviation',
  'a limit far below the market is as strange as one above');
select is(tests.risk_says('price_deviation', '{"max_price_deviation_percent": 1}', '{}', '{price}'), 'price_deviation',
  'an unknown price denies');
select is(tests.risk_says('price_deviation', '{"max_price_deviation_percent": 1}', '{}', '{ask}'), 'price_deviation',
  'so does an unknown market');
select is(tests.risk_says('price_deviation', '{}', '{"price": 1000}'), 'passed',
  'without a limit every price passes');

select * from finish();
rollback;
