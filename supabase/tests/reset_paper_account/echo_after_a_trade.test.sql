begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
-- The first reset moves no money: the account stands where it starts.
select tests.act_as_service();
select public.reset_paper_account(tests.trader_id('alpha'), tests.signal_id('request'));
select tests.act_as_owner();
select tests.enter('one', 'alpha');
select tests.act_as_service();
select public.close_position((tests.position_of('one')).id);
select tests.act_as_owner();
select tests.run_jobs();
create temporary table before as select current_balance, total_trades, total_pnl from public.paper_balances;
select is((select total_trades from before), 1, 'a trade later');
select tests.act_as_service();

select public.reset_paper_account(tests.trader_id('alpha'), tests.signal_id('request'));
select tests.act_as_owner();
select set_eq($$ select current_balance, total_trades, total_pnl from public.paper_balances $$, 'table before', 'the echo of the reset resets nothing');
select tests.act_as_service();
select public.reset_paper_account(tests.trader_id('alpha'));
select tests.act_as_owner();
select is((select total_trades from public.paper_balances), 0, 'a new one does');

select * from finish();
rollback;
