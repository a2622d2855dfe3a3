begin;
select plan(10);

select is(tests.rule_says('stop_side', '{"stop": 99.98}'), 'passed',
  'a stop a tick below the bid passes');
select is(tests.rule_says('stop_side', '{"stop": 99.99}'), 'stop_not_below_entry',
  'a stop at the bid would fire at once');
select is(tests.rule_says('stop_side', '{"stop": 100}'), 'stop_not_below_entry',
  'a stop at the entry is none');
select is(tests.rule_says('stop_side', '{"stop": 105}'), 'stop_not_below_entry',
  'a stop above the entry is none');
select is(tests.rule_says('stop_side', '{"stop": 98, "entry": 97}'), 'stop_not_below_entry',
  'a stop above the entry the AI meant is refused, even below the market');
select is(tests.rule_says('stop_side', '{"order_type": "limit", "price": 90, "entry": 90, "stop": 89.99, "bid": 85}'), 'passed',
  'a limit entry is compared with its own price, not with the market');
select is(tests.rule_says('stop_side', '{"order_type": "limit", "price": 90, "entry": 90, "stop": 90}'), 'stop_not_below_entry',
  'and must lie below that');
select is(tests.rule_says('stop_side', '{"stop": "NaN"}'), 'stop_not_below_entry',
  'NaN lies below nothing');
select is(tests.rule_says('stop_side', '{"stop": null}'), 'stop_not_below_entry',
  'a missing stop lies below nothing');
select is(tests.rule_says('stop_side', '{}', '{price,entry,bid}'), 'stop_not_below_entry',
  'without prices to compare with it is denied');

select * from finish();
rollback;
