begin;
select plan(4);
select tests.open_desk();
-- The exchange sells at most 900 in one market order; a limit order buys up to 9,000.
select tests.hire('alpha', 'ann', '{"sizing_value": 95000, "paper_trade_balance": 200000}', '{"max_position_quote": 200000}');
select tests.decide('one', 'alpha');
select tests.run_jobs();

select * from tests.is_refused('one', 'not_exitable');

update public.traders set sizing_value = 90000;
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a position that one market order can sell is bought');

select * from finish();
rollback;
