begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.act_as_service();
select public.top_up_paper_account(tests.trader_id('alpha'), 500);
select tests.act_as_owner();
create temporary table before as select * from public.paper_balances;
delete from public.traders where id = tests.trader_id('alpha');
select tests.create_user('bob');
insert into public.traders (id, user_id, name, enabled, auto_execute_trades, paper_trade_mode, paper_trade_balance)
values (tests.trader_id('alpha'), tests.user_id('bob'), 'taken', true, true, true, 1000);
select tests.act_as_service();

select is(public.top_up_paper_account(tests.trader_id('alpha'), 100) ->> 'balance', '1100', 'an id that comes back under another owner starts anew');
select tests.act_as_owner();
select set_eq($$ select account_id, current_balance, initial_balance from public.paper_balances where user_id = tests.user_id('ann') $$,
  $$ select account_id, current_balance, initial_balance from before $$, 'the account of the earlier owner is untouched');
select is((select count(*) from trading.accounts), 2::bigint, 'each owner has an account');
select is_empty($$ select 1 from trading.accounts a join trading.portfolios p on p.id = a.portfolio_id where a.user_id <> p.user_id $$,
  'in a portfolio of their own');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
