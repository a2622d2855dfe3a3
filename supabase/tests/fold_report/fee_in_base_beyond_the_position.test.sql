begin;
select plan(7);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 2, tests.fill('1', 100, 2, 0.0005, 'SOL'));
select tests.sent_exit('one');

-- 1.999 of 1.9995 are to be sold: the fee takes the 0.0005 beyond, never what is still to be sold.
select tests.report((tests.order_of('one', 'exit')).id, 'working', 1, tests.fill('s', 110, 1, 0.001, 'SOL'));
select results_eq($$ select quantity::numeric, fees_paid::numeric from tests.position_of('one') $$,
  $$ values (0.999, 0.16) $$, 'a sell''s fee in coins takes what the position holds beyond the sell');
select is((select fee_outside::numeric from public.trades where binance_trade_id = 's'), 0.0005, 'the rest came from elsewhere');
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 1.999, tests.fill('t', 110, 0.999, 0.002, 'SOL'));
select results_eq($$ select status, quantity::numeric, realized_pnl::numeric from tests.position_of('one') $$,
  $$ values ('closed', 0::numeric, 19.615) $$, 'what came from elsewhere is a cost: 219.89 - 200 - 0.0025 x 110');
select is((tests.order_of('one', 'exit')).state, 'filled', 'all of the order is folded');
select is((select fee_quote::numeric from public.trades where binance_trade_id = 't'), 0.22, 'a fee is worth its price whoever''s coins it was');
select results_eq($$ select bucket, sum(amount)::numeric from trading.ledger_entries where asset = 'SOL' group by 1 having sum(amount) <> 0 order by 1 $$,
  $$ values ('external', -0.0025), ('fees', 0.0035), ('market', -0.001) $$, 'the ledger takes it from outside');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
