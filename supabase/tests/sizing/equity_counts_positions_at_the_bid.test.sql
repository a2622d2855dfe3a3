begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_method": "equity_percent", "sizing_value": 10, "paper_trade_balance": 1000}');
select tests.enter('one', 'alpha');
select is((tests.order_of('one', 'entry')).quantity::numeric, 1::numeric, 'a tenth of 1,000 is bought');
-- 900 in cash and 0.999 at 200 are 1,099.8; a tenth of it at 200.01 is 0.5498...
select tests.tick(200, 200.01);
select tests.enter('two', 'alpha', '{"stopLoss": 190}');
select is((tests.order_of('two', 'entry')).quantity::numeric, 0.549, 'after the position has doubled a tenth is more');

select * from finish();
rollback;
