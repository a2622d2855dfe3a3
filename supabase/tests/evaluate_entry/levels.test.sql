begin;
select plan(10);

select is(tests.rule_says('levels', '{}'), 'passed',
  'prices pass');
select is(tests.rule_says('levels', '{"entry": null, "stop": null, "take_profits": []}'), 'passed',
  'levels that are absent are the concern of other rules');
select is(tests.rule_says('levels', '{"levels_readable": false}'), 'levels_invalid',
  'what is no object is no set of levels');
select is(tests.rule_says('levels', '{"entry": "NaN"}'), 'levels_invalid',
  'an entry that is no price is refused');
select is(tests.rule_says('levels', '{"stop": "NaN"}'), 'levels_invalid',
  'a stop that is no price is refused');
select is(tests.rule_says('levels', '{"take_profits": [110, "NaN"]}'), 'levels_invalid',
  'one target that is no price is refused');
select is(tests.rule_says('levels', '{"take_profits": [110, 111, 112, 113, 114, 115, 116, 117, 118, 119]}'), 'passed',
  'ten targets are allowed');
select is(tests.rule_says('levels', '{"take_profits": [110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120]}'), 'levels_invalid',
  'eleven are not');
select is(tests.rule_says('levels', '{}', '{take_profits}'), 'levels_invalid',
  'targets that were not parsed deny');

select is(tests.rule_says('levels', '{}', '{levels_readable}'), 'levels_invalid',
  'so do levels of which nobody knows whether they could be read');

select * from finish();
rollback;
