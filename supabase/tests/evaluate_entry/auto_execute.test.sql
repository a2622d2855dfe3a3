begin;
select plan(4);

select is(tests.rule_says('auto_execute', '{"auto_execute": true}'), 'passed',
  'a trader that executes by itself may enter');
select is(tests.rule_says('auto_execute', '{"auto_execute": false}'), 'auto_execute_off',
  'one that does not may not');
select is(tests.rule_says('auto_execute', '{"auto_execute": null}'), 'auto_execute_off',
  'an unknown auto_execute denies');
select is(tests.rule_says('auto_execute', '{}', '{auto_execute}'), 'auto_execute_off',
  'a missing auto_execute denies');

select * from finish();
rollback;
