begin;
select plan(4);

select is(tests.risk_says('lock', '{}', '{"locks": []}'), 'passed',
  'without a lock an entry passes');
select is(tests.risk_says('lock', '{}', '{"locks": [{"code": "cooldown", "until": "2026-03-02T13:00:00+00:00"}]}'), 'cooldown',
  'a lock denies under its own code');
select is(tests.risk_says('lock', '{}', '{"locks": [{"code": "stop_guard", "until": "2026-03-02T14:00:00+00:00"}, {"code": "cooldown", "until": "2026-03-02T13:00:00+00:00"}]}'), 'stop_guard',
  'of several the one that lasts longest speaks');
select is(tests.risk_says('lock', '{}', '{}', '{locks}'), 'locks_unknown',
  'locks that were not looked up deny');

select * from finish();
rollback;
