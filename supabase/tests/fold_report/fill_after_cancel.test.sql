begin;
select plan(9);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 0);
select is((tests.position_of('one')).status || ' ' || (tests.position_of('one')).failure_code, 'failed entry_unfilled',
  'an entry cancelled without a fill ends its position');

select is(tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 2, tests.fill('1', 100, 1)), 'partially_filled',
  'a fill that won the race takes the order back, not final until all that was executed is known');
select is(tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 2, tests.fill('2', 100, 1)), 'filled', 'the last fill fills it');
select is((tests.position_of('one')).status, 'open', 'the position is open again');
select is((tests.position_of('one')).failure_code, null, 'and has not failed any more');
select is((tests.order_of('one', 'stop_loss')).quantity::numeric, 2::numeric, 'its coins are protected');
select is((select status from public.signals where id = tests.signal_id('one')), 'in_position', 'its signal is in position');
select is((select severity || ' ' || code from public.alerts), 'critical position_reopened', 'and somebody is told');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
