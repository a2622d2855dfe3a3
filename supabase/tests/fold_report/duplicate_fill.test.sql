begin;
select plan(5);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'working', 1, tests.fill('1', 100, 1, 0.001, 'SOL'));
create temporary table before as select * from tests.snapshot('orders');
create temporary table order_before as select * from tests.order_of('one', 'entry');

select is(tests.report((tests.order_of('one', 'entry')).id, 'working', 1, tests.fill('1', 100, 1, 0.001, 'SOL')), 'partially_filled',
  'a fill that was recorded before is answered with the order as it is');
select set_eq($$ select * from tests.snapshot('orders') $$, 'table before', 'and changes no row');
select is(
  (select to_jsonb(o) - '{version,updated_at}'::text[] from tests.order_of('one', 'entry') o),
  (select to_jsonb(o) - '{version,updated_at}'::text[] from order_before o), 'nor what the order says');

select tests.report((tests.order_of('one', 'entry')).id, 'filled', 2, tests.fill('1', 100, 1, 0.001, 'SOL'), tests.fill('2', 100, 1, 0.001, 'SOL'));
select is((tests.position_of('one')).quantity::numeric, 1.998, 'a report with a known fill and a new one counts only the new one');
select is((select count(*) from public.trades), 2::bigint, 'each fill has one row');

select * from finish();
rollback;
