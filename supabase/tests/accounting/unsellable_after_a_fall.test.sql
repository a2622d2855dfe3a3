begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha', p_columns => '{"sizing_value": 10}');
select tests.enter('one', 'alpha', '{"entry": 100, "stopLoss": 60}');
-- The gap carries the position below the least the exchange takes.
select tests.tick(30, 30.01);
select tests.run_jobs();

select results_eq(
  $$ select status, dust_quantity::numeric, dust_value::numeric, realized_pnl::numeric, realized_pnl::numeric < -6 from tests.position_of('one') $$,
  $$ select 'closed', p.dust_quantity::numeric, p.dust_quantity * 30, p.dust_quantity * 30 - p.entry_cost, true from tests.position_of('one') p $$,
  'what can no longer be sold is worth what the market gives, not what was paid');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
