begin;
select plan(4);

select is(tests.rule_says('quote_asset', '{"quote_asset": "USDT"}'), 'passed',
  'a symbol quoted in USDT passes');
select is(tests.rule_says('quote_asset', '{"quote_asset": "BTC"}'), 'quote_asset_not_usdt',
  'one quoted in another asset does not');
select is(tests.rule_says('quote_asset', '{"quote_asset": null}'), 'quote_asset_not_usdt',
  'an unknown quote_asset denies');
select is(tests.rule_says('quote_asset', '{}', '{quote_asset}'), 'quote_asset_not_usdt',
  'a missing quote_asset denies');

select * from finish();
rollback;
