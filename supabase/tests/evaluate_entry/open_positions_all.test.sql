begin;
select plan(5);

select is(tests.rule_says('open_positions_all', '{"open_positions_all": 1, "limits_all": {"max_open_positions": 2}}'), 'passed',
  'one less than allowed leaves room for this one');
select is(tests.rule_says('open_positions_all', '{"open_positions_all": 2, "limits_all": {"max_open_positions": 2}}'),
  'max_open_positions_all',
  'as many as allowed leave none');
select is(tests.rule_says('open_positions_all', '{"open_positions_all": 3, "limits_all": {"max_open_positions": 2}}'),
  'max_open_positions_all',
  'nor do more');
select is(tests.rule_says('open_positions_all', '{"limits_all": {"max_open_positions": 2}}', '{open_positions_all}'),
  'max_open_positions_all',
  'an unknown count denies');
select is(tests.rule_says('open_positions_all', '{"open_positions_all": 1000, "limits_all": {}}'), 'passed',
  'without a limit every count passes');

select * from finish();
rollback;
