begin;
select plan(6);

select is(tests.risk_says('order_interval', '{"min_order_interval_seconds": 60}', '{"since_entry_ms": 60001}'), 'passed',
  'a millisecond more than the interval passes');
select is(tests.risk_says('order_interval', '{"min_order_interval_seconds": 60}', '{"since_entry_ms": 60000}'), 'passed',
  'the interval itself passes');
select is(tests.risk_says('order_interval', '{"min_order_interval_seconds": 60}', '{"since_entry_ms": 59999}'), 'order_interval',
  'a millisecond less is too soon');
select is(tests.risk_says('order_interval', '{"min_order_interval_seconds": 60}', '{"since_entry_ms": -5000}'), 'order_interval',
  'an entry from the future, after the clock was set back, is too soon');
select is(tests.risk_says('order_interval', '{"min_order_interval_seconds": 60}', '{}', '{since_entry_ms}'), 'order_interval',
  'an unknown interval denies');
select is(tests.risk_says('order_interval', '{}', '{"since_entry_ms": 0}'), 'passed',
  'without a limit every interval passes');

select * from finish();
rollback;
