begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"default_stop_percent": 3.333, "default_take_profit_percent": 6.666}');
select tests.enter('one', 'alpha', '{}');
select tests.enter('two', 'alpha', '{"stopLoss": 90.004, "takeProfit": [111.111]}');

-- 100 x (1 - 0.03333) = 96.667 and 100 x 1.06666 = 106.666, both to the tick above
select results_eq($$ select stop_loss_price::numeric, take_profit_prices from tests.position_of('one') $$,
  $$ values (96.67, '{106.67}'::numeric[]) $$,
  'levels a signal does not name are the trader''s, from the price of the entry');
select results_eq($$ select stop_loss_price::numeric, take_profit_prices from tests.position_of('two') $$,
  $$ values (90.01, '{111.12}'::numeric[]) $$,
  'levels it names go to the next tick above: a nearer stop, a farther target');
select is((select count(*) from public.orders where role = 'take_profit' and state = 'working'), 2::bigint, 'and rest there');

select * from finish();
rollback;
