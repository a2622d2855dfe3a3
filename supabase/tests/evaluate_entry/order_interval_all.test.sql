begin;
select plan(6);

select is(tests.risk_says('order_interval_all', '{}', '{"since_entry_all_ms": 60001}', '{}', '{"min_order_interval_seconds": 60}'), 'passed',
  'a millisecond more than the interval passes');
select is(tests.risk_says('order_interval_all', '{}', '{"since_entry_all_ms": 60000}', '{}', '{"min_order_interval_seconds": 60}'), 'passed',
  'the interval itself passes');
select is(tests.risk_says('order_interval_all', '{}', '{"since_entry_all_ms": 59999}', '{}', '{"min_order_interval_seconds": 60}'), 'order_interval_all',
  'a millisecond less is too soon');
select is(tests.risk_says('order_interval_all', '{}', '{"since_entry_all_ms": -5000}', '{}', '{"min_order_interval_seconds": 60}'), 'order_interval_all',
  'an entry from the future, after the clock was set back, is too soon');
select is(tests.risk_says('order_interval_all', '{}', '{}', '{since_entry_all_ms}', '{"min_order_interval_seconds": 60}'), 'order_interval_all',
  'an unknown interval denies');
select is(tests.risk_says('order_interval_all', '{}', '{"since_entry_all_ms": 0}', '{}', '{}'), 'passed',
  'without a limit every interval passes');

select * from finish();
rollback;
