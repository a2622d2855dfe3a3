-- what is bought must be worth selling at its stop, after the fee was taken from it
begin;
select plan(6);

select is(tests.rule_says('exitable', '{"exit_notional": 5.01}'), 'passed',
  'above the exchange''s minimum passes');
select is(tests.rule_says('exitable', '{"exit_notional": 5}'), 'passed',
  'the minimum itself passes');
select is(tests.rule_says('exitable', '{"exit_notional": 4.99}'), 'not_exitable',
  'below it the position could never be sold at its stop');
select is(tests.rule_says('exitable', '{}', '{exit_notional}'), 'not_exitable',
  'an unknown value denies');
select is(tests.rule_says('exitable', '{}', '{notional_min}'), 'not_exitable',
  'an unknown minimum denies');
select is(tests.rule_says('exitable', '{"exit_filter": "MARKET_LOT_SIZE"}'), 'not_exitable',
  'nor could one that no single market order can sell');

select * from finish();
rollback;
