begin;
select plan(5);

select is(tests.rule_says('stage', '{"stage_allows": true}'), 'passed',
  'a stage that trades real money lets an entry pass');
select is(tests.rule_says('stage', '{"stage_allows": false}'), 'stage_forbids_live',
  'one that does not, does not');
select is(tests.rule_says('stage', '{"mode": "paper", "stage_allows": false}'), 'stage_forbids_live',
  'the fact says it, not the mode');
select is(tests.rule_says('stage', '{"stage_allows": null}'), 'stage_forbids_live',
  'an unknown stage denies');
select is(tests.rule_says('stage', '{}', '{stage_allows}'), 'stage_forbids_live',
  'a missing fact denies');

select * from finish();
rollback;
