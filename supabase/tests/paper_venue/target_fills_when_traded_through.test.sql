begin;
select plan(5);
select tests.open_desk('{"paper_maker_fee": 0.0002}');
select tests.hire('alpha');
select tests.enter('one', 'alpha', '{"stopLoss": 95, "takeProfit": [110]}');

select is(tests.tick(109.99, 110, '{"high": 110}') ->> 'limits', '0', 'a trade at the target does not fill it');
select is(tests.tick(109, 109.01, '{"high": 110.01}') ->> 'limits', '1', 'a trade beyond it does');
select tests.run_jobs();
-- 0.999 x 110 = 109.89; fee 0.02 % of it
select results_eq($$ select price::numeric, quantity::numeric, is_maker, fee::numeric, fee_asset from public.trades where side = 'SELL' $$,
  $$ values (110::numeric, 0.999, true, 0.021978, 'USDT') $$, 'at its own price, as a maker, the fee out of the proceeds');
select results_eq($$ select status, exit_reason from tests.position_of('one') $$, $$ values ('closed', 'take_profit') $$,
  'the position is closed by its target');
select is((tests.order_of('one', 'stop_loss')).state, 'cancelled', 'the stop is cancelled');

select * from finish();
rollback;
