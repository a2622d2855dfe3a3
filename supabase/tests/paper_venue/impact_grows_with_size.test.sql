begin;
select plan(2);
select tests.open_desk('{"paper_impact_per_10k": 0.01}');
select tests.hire('small', 'ann', '{"max_slippage_percent": 5, "sizing_value": 105}');
select tests.hire('large', 'ann', '{"max_slippage_percent": 5, "sizing_value": 5250}');
select tests.enter('small', 'small');
select tests.enter('large', 'large');

select is((tests.position_of('small')).entry_price::numeric, 100.01, '100 USDT move the price by a hundredth of a hundredth');
select is((tests.position_of('large')).entry_price::numeric, 100.5, '5,000 USDT by fifty times that');

select * from finish();
rollback;
