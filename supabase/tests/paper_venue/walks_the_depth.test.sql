begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"max_slippage_percent": 1, "sizing_value": 101}');  -- 1 SOL at the cap of 101
select tests.tick(99.99, 100, '{"depth": {"bids": [["99.99", "9"]], "asks": [["100", "0.4"], ["100.05", "0.35"], ["100.2", "5"]]}}');
select tests.enter('one', 'alpha');

select results_eq($$ select price::numeric, quantity::numeric, fee::numeric, fee_asset, is_maker from public.trades order by price $$,
  $$ values (100::numeric, 0.4, 0.0004, 'SOL', false), (100.05, 0.35, 0.00035, 'SOL', false), (100.2, 0.25, 0.00025, 'SOL', false) $$,
  'a taker eats the book level by level, best first, and pays each level its price');
select is((tests.order_of('one', 'entry')).state, 'filled', 'the order is filled');
-- 40 + 35.0175 + 25.05
select is((tests.order_of('one', 'entry')).total_value::numeric, 100.0675, 'its value is the sum over the levels');
select is((tests.order_of('one', 'entry')).avg_fill_price::numeric, 100.0675, 'and its average theirs');
select is((select count(distinct t.quote_hash) from public.trades t join trading.quotes q on q.hash = t.quote_hash), 1::bigint,
  'each fill names the quote it was computed from');

select * from finish();
rollback;
