begin;
select plan(4);
select tests.open_desk();
select tests.resting_entry('one', 1);
select tests.report((tests.order_of('one', 'entry')).id, 'working', 0.04, tests.fill('1', 100, 0.04, 0.00004, 'SOL'));
select is((tests.position_of('one')).status, 'open', 'a first fill may be too small to be sold while more can come');
select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 0.04);

select results_eq($$ select status, exit_reason, dust_quantity::numeric from tests.position_of('one') $$,
  $$ values ('closed', 'dust', 0.03996) $$, 'when no more can come it is closed as dust');
select is((select count(*) from trading.engine_stops), 0::bigint, 'nothing is left to protect');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
