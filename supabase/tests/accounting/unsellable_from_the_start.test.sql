begin;
select plan(4);
select tests.open_desk();
select tests.resting_entry('one', 1);
-- 0.04 at 100 is below the exchange's minimum of 5: the rest of the entry was cancelled, so it can never be sold.
select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 0.04, tests.fill('1', 100, 0.04, 0.00004, 'SOL'));

select results_eq($$ select status, exit_reason, dust_quantity::numeric, dust_value::numeric, realized_pnl::numeric from tests.position_of('one') $$,
  $$ values ('closed', 'dust', 0.03996, 4.03596, 0.03596) $$, 'a fill too small to be sold closes at once as dust, worth what the market gives');
select is((select status from public.signals), 'completed', 'its signal is over');
select is((select count(*) from trading.engine_stops), 0::bigint, 'nothing is left to protect');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
