begin;
select plan(13);

select is(tests.rule_says('target_side', '{"take_profits": [100.01]}'), 'passed',
  'a target a tick above the entry passes');
select is(tests.rule_says('target_side', '{"take_profits": [100]}'), 'target_not_above_entry',
  'a target at the entry is none');
select is(tests.rule_says('target_side', '{"take_profits": [99.99, 110]}'), 'target_not_above_entry',
  'one target below the entry is enough to refuse');
select is(tests.rule_says('target_side', '{"entry": 105, "take_profits": [104]}'), 'target_not_above_entry',
  'a target below the entry the AI meant is refused, even above the market');
select is(tests.rule_says('target_side', '{"order_type": "limit", "price": 90, "entry": 90, "take_profits": [95]}'), 'passed',
  'a limit entry is compared with its own price, not with the market');
select is(tests.rule_says('target_side', '{"take_profits": []}'), 'passed',
  'no target is no fault');

select is(tests.rule_says('target_side', '{"take_profits": []}', '{ask,price}'), 'passed',
  'not even where there is no price');
select is(tests.rule_says('target_side', '{"take_profits": [110]}', '{ask}'), 'target_not_above_entry',
  'a target of which nobody knows whether it lies above the market is refused');
select is(tests.rule_says('target_side', '{"order_type": "limit", "take_profits": [110]}', '{price}'), 'target_not_above_entry',
  'for a limit entry without a price, too, although the signal names an entry');
select is(tests.rule_says('target_side', '{"take_profits": [110], "entry": null}'), 'passed',
  'a signal without an entry is compared with the market alone');
select is(tests.rule_says('target_side', '{"take_profits": [110, "NaN"], "entry": "NaN"}'), 'passed',
  'levels that are no prices are the concern of another rule');
select is(tests.rule_says('target_side', '{"take_profits": [110, null]}'), 'target_not_above_entry',
  'a target that is nothing is not above');
select is(tests.rule_says('target_side', '{}', '{take_profits}'), 'target_not_above_entry',
  'targets that were not parsed deny');

select * from finish();
rollback;
