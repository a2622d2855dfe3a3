begin;
select plan(3);
select tests.open_desk('{"paper_maker_fee": 0.0002}');
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "sizing_value": 105}');
select tests.enter('one', 'alpha', '{"entry": 105, "stopLoss": 95}');

select results_eq($$ select price::numeric, quantity::numeric, is_maker, fee::numeric from public.trades $$,
  $$ values (100::numeric, 1::numeric, false, 0.001) $$, 'a limit above the ask takes at the ask, as a taker');
select is((tests.order_of('one', 'entry')).price::numeric, 105::numeric, 'its limit stays what it was');
select is((select current_balance::numeric from public.paper_balances), 9900::numeric, 'and only what was paid is gone');

select * from finish();
rollback;
