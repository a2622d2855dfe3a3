begin;
select plan(4);

select is(tests.rule_says('quarantine', '{"is_quarantined": false}'), 'passed',
  'a symbol whose books agree with the exchange may be entered');
select is(tests.rule_says('quarantine', '{"is_quarantined": true}'), 'symbol_quarantined',
  'one whose books do not agree may not');
select is(tests.rule_says('quarantine', '{"is_quarantined": null}'), 'symbol_quarantined',
  'nor one of which nobody knows');
select is(tests.rule_says('quarantine', '{}', '{is_quarantined}'), 'symbol_quarantined',
  'a missing fact denies');

select * from finish();
rollback;
