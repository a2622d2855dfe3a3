begin;
select plan(5);

select is(tests.rule_says('open_in_symbol', '{"open_in_symbol": 1, "limits": {"max_open_positions_per_symbol": 2}}'), 'passed',
  'one less than allowed leaves room for this one');
select is(tests.rule_says('open_in_symbol', '{"open_in_symbol": 2, "limits": {"max_open_positions_per_symbol": 2}}'),
  'max_open_positions_per_symbol',
  'as many as allowed leave none');
select is(tests.rule_says('open_in_symbol', '{"open_in_symbol": 3, "limits": {"max_open_positions_per_symbol": 2}}'),
  'max_open_positions_per_symbol',
  'nor do more');
select is(tests.rule_says('open_in_symbol', '{"limits": {"max_open_positions_per_symbol": 2}}', '{open_in_symbol}'),
  'max_open_positions_per_symbol',
  'an unknown count denies');
select is(tests.rule_says('open_in_symbol', '{"open_in_symbol": 1000, "limits": {}}'), 'passed',
  'without a limit every count passes');

select * from finish();
rollback;
