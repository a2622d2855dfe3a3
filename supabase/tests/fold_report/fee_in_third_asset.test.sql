begin;
select plan(7);
select tests.open_desk();
select tests.resting_entry('one', 1);
select tests.resting_entry('two', 1);
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 1, tests.fill('1', 100, 1, 0.00015, 'BNB', '{"fee_rate": 600}'));
select tests.report((tests.order_of('two', 'entry')).id, 'filled', 1, tests.fill('1', 100, 1, 0.00015, 'BNB'));

select results_eq($$ select quantity::numeric, cost::numeric, fees_paid::numeric, is_pnl_provisional from tests.position_of('one') $$,
  $$ values (1::numeric, 100.09, 0.09, false) $$, 'a fee in BNB costs what it is worth at the rate of the fill');
select is((select fee_quote::numeric from public.trades where position_id = (tests.position_of('one')).id), 0.09,
  'and the trade keeps that');
select results_eq($$ select quantity::numeric, cost::numeric, is_pnl_provisional from tests.position_of('two') $$,
  $$ values (1::numeric, 100::numeric, true) $$, 'without a rate the result is provisional');
select is((select fee_quote from public.trades where position_id = (tests.position_of('two')).id), null,
  'and the worth is unknown, not zero');
select is((select fee::numeric from public.trades where position_id = (tests.position_of('two')).id), 0.00015,
  'the fee itself is on record');
select results_eq(
  $$ select distinct bucket, amount::numeric from trading.ledger_entries where asset = 'BNB' order by 1 $$,
  $$ values ('external', -0.00015), ('fees', 0.00015) $$, 'BNB comes from outside of the account');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
