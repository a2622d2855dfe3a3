begin;
select plan(5);

select is(tests.rule_says('open_positions', '{"open_positions": 1, "limits": {"max_open_positions": 2}}'), 'passed',
  'one less than allowed leaves room for this one');
select is(tests.rule_says('open_positions', '{"open_positions": 2, "limits": {"max_open_positions": 2}}'), 'max_open_positions',
  'as many as allowed leave none');
select is(tests.rule_says('open_positions', '{"open_positions": 3, "limits": {"max_open_positions": 2}}'), 'max_open_positions',
  'nor do more');
select is(tests.rule_says('open_positions', '{"limits": {"max_open_positions": 2}}', '{open_positions}'), 'max_open_positions',
  'an unknown count denies');
select is(tests.rule_says('open_positions', '{"open_positions": 1000, "limits": {}}'), 'passed',
  'without a limit every count passes');

select * from finish();
rollback;
