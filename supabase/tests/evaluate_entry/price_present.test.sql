begin;
select plan(5);

select is(tests.rule_says('price_present', '{"bid": 1e-08, "ask": 1e-08}'), 'passed',
  'the smallest price is a price');
select is(tests.rule_says('price_present', '{"ask": null}'), 'price_missing',
  'without an ask there is no price');
select is(tests.rule_says('price_present', '{"bid": null}'), 'price_missing',
  'nor without a bid');
select is(tests.rule_says('price_present', '{"bid": 0}'), 'price_missing',
  '0 is no price');
select is(tests.rule_says('price_present', '{}', '{bid,ask}'), 'price_missing',
  'a price that was not looked up is missing');

select * from finish();
rollback;
