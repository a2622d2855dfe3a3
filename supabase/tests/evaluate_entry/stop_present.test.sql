begin;
select plan(3);

select is(tests.rule_says('stop_present', '{"stop": 95}'), 'passed',
  'a stop passes');
select is(tests.rule_says('stop_present', '{"stop": null}'), 'stop_missing',
  'no stop, no entry');
select is(tests.rule_says('stop_present', '{}', '{stop}'), 'stop_missing',
  'a stop that was not looked up is missing');

select * from finish();
rollback;
