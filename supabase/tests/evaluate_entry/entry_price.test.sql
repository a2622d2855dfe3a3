begin;
select plan(4);

select is(tests.rule_says('entry_price', '{"order_type": "limit"}'), 'passed',
  'a limit entry with an entry price passes');
select is(tests.rule_says('entry_price', '{"order_type": "limit", "entry": null}'), 'entry_price_missing',
  'without one there is nothing to rest at');
select is(tests.rule_says('entry_price', '{"order_type": "market", "entry": null}'), 'passed',
  'a market entry needs none');
select is(tests.rule_says('entry_price', '{"entry": null}', '{order_type}'), 'entry_price_missing',
  'an unknown order type denies');

select * from finish();
rollback;
