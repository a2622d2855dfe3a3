begin;
select plan(6);

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

select * from finish();
rollback;
