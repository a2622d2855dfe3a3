begin;
select plan(5);

select is(tests.rule_says('open_in_symbol_all', '{"open_in_symbol_all": 1, "limits_all": {"max_open_positions_per_symbol": 2}}'), 'passed',
  'one less than allowed leaves room for this one');
select is(tests.rule_says('open_in_symbol_all', '{"open_in_symbol_all": 2, "limits_all": {"max_open_positions_per_symbol": 2}}'),
  'max_open_positions_per_symbol_all',
  'as many as allowed leave none');
select is(tests.rule_says('open_in_symbol_all', '{"open_in_symbol_all": 3, "limits_all": {"max_open_positions_per_symbol": 2}}'),
  'max_open_positions_per_symbol_all',
  'nor do more');
select is(tests.rule_says('open_in_symbol_all', '{"limits_all": {"max_open_positions_per_symbol": 2}}', '{open_in_symbol_all}'),
  'max_open_positions_per_symbol_all',
  'an unknown count denies');
select is(tests.rule_says('open_in_symbol_all', '{"open_in_symbol_all": 1000, "limits_all": {}}'), 'passed',
  'without a limit every count passes');

select * from finish();
rollback;
