begin;
select plan(8);

select is(tests.risk_says('entry_deviation', '{"max_entry_deviation_percent": 1}', '{"entry": 100, "ask": 100.99}'), 'passed',
  'a market just inside the limit passes');
select is(tests.risk_says('entry_deviation', '{"max_entry_deviation_percent": 1}', '{"entry": 100, "ask": 101}'), 'passed',
  'one at the limit passes');
select is(tests.risk_says('entry_deviation', '{"max_entry_deviation_percent": 1}', '{"entry": 100, "ask": 101.01}'), 'entry_deviation',
  'just outside the signal is chased');
select is(tests.risk_says('entry_deviation', '{"max_entry_deviation_percent": 1}', '{"entry": 100, "ask": 98.99}'), 'entry_deviation',
  'a market that fell away from it is another one, too');
select is(tests.risk_says('entry_deviation', '{"max_entry_deviation_percent": 1}', '{"entry": null}'), 'entry_deviation',
  'a signal that names no entry denies');
select is(tests.risk_says('entry_deviation', '{"max_entry_deviation_percent": 1}', '{"entry": "NaN"}'), 'entry_deviation',
  'NaN is no entry');
select is(tests.risk_says('entry_deviation', '{"max_entry_deviation_percent": 1}', '{}', '{ask}'), 'entry_deviation',
  'so does an unknown market');
select is(tests.risk_says('entry_deviation', '{}', '{"entry": 1}'), 'passed',
  'without a limit every distance passes');

select * from finish();
rollback;
