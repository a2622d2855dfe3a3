begin;
select plan(6);
select tests.open_desk();
select tests.resting_entry('one', 1);
-- 0.0005 SOL of fee leave 0.9995: the exchange sells 0.999 of it.
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 1, tests.fill('1', 100, 1, 0.0005, 'SOL'));
select tests.sent_exit('one');
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 0.999, tests.fill('s', 110, 0.999, 0.10989));

-- Dust: 0.0005 at the price of the last sale, 0.055. Result: 109.89 - 0.10989 - 100 + 0.055.
select results_eq($$ select status, quantity::numeric, cost::numeric, dust_quantity::numeric, dust_value::numeric, realized_pnl::numeric from tests.position_of('one') $$,
  $$ values ('closed', 0::numeric, 0::numeric, 0.0005, 0.055, 9.83511) $$,
  'what cannot be sold is dust at the price of the last sale, and part of the result');
select results_eq($$ select asset, quantity::numeric, cost::numeric from trading.dust_pools $$, $$ values ('SOL', 0.0005, 0.055) $$,
  'it goes to the account''s pool');
select results_eq(
  $$ select asset, bucket, amount::numeric from trading.ledger_entries where cause_type = 'dust' order by bucket $$,
  $$ values ('SOL', 'dust', 0.0005), ('SOL', 'position', -0.0005) $$, 'and in the ledger from position to dust');
select is((select sum(realized_pnl)::numeric from public.trades), 9.830135012506253127,
  'the fill itself realized its own part only: 109.78011 less 100 x 0.999 / 0.9995; the rest came with the dust');
select is((select total_pnl::numeric from public.paper_balances), 9.83511, 'the account shows the result with the dust');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
