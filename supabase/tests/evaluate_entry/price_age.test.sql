begin;
select plan(7);

select is(tests.rule_says('price_age', '{"price_age_ms": 9999}'), 'passed',
  'a price a millisecond younger than allowed passes');
select is(tests.rule_says('price_age', '{"price_age_ms": 10000}'), 'passed',
  'one exactly that old passes');
select is(tests.rule_says('price_age', '{"price_age_ms": 10001}'), 'price_stale',
  'a millisecond older is too old');
select is(tests.rule_says('price_age', '{"price_age_ms": -5000}'), 'passed',
  'clocks may differ by five seconds');
select is(tests.rule_says('price_age', '{"price_age_ms": -5001}'), 'price_stale',
  'a price a millisecond further ahead was observed by a clock that is not ours');
select is(tests.rule_says('price_age', '{}', '{price_age_ms}'), 'price_stale',
  'a price of unknown age is too old');
select is(tests.rule_says('price_age', '{}', '{max_price_age_ms}'), 'price_stale',
  'an unknown limit denies');

select * from finish();
rollback;
