begin;
select plan(6);

select is(tests.risk_says('tier', '{}', '{"required_tier": "pro", "tier": "elite"}'), 'passed',
  'a higher tier than required passes');
select is(tests.risk_says('tier', '{}', '{"required_tier": "pro", "tier": "pro"}'), 'passed',
  'the required tier passes');
select is(tests.risk_says('tier', '{}', '{"required_tier": "pro", "tier": "free"}'), 'tier_required',
  'a lower one is denied');
select is(tests.risk_says('tier', '{}', '{"required_tier": "pro"}', '{tier}'), 'tier_required',
  'an unknown tier denies');
select is(tests.risk_says('tier', '{}', '{"required_tier": "pro", "tier": "gold"}'), 'tier_required',
  'so does one that nobody has heard of');
select is(tests.risk_says('tier', '{}', '{"tier": null}'), 'passed',
  'where no tier is required none is asked for');

select * from finish();
rollback;
