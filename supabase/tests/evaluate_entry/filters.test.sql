begin;
select plan(5);

select is(tests.rule_says('filters', '{}'), 'passed',
  'an order that no filter refuses passes');
select is(tests.rule_says('filters', '{"filter": "PRICE_FILTER"}'), 'filter_price_filter',
  'the code names the filter');
select is(tests.rule_says('filters', '{"filter": "NOTIONAL"}'), 'filter_notional',
  'whichever it is');
select is(tests.rule_says('filters', '{"quantity": 0}'), 'filter_unknown',
  'a quantity of 0 is no order');
select is(tests.rule_says('filters', '{}', '{quantity}'), 'filter_unknown',
  'an order without a size was not checked');

select * from finish();
rollback;
