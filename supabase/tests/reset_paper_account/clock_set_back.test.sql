begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.act_as_service();
select public.close_position((tests.position_of('one')).id);
select tests.act_as_owner();
select tests.run_jobs();
select tests.act_as_service();
select public.reset_paper_account(tests.trader_id('alpha'));
select tests.act_as_owner();

update trading.settings set clock_at = clock_at - interval '1 hour';
delete from public.market_prices;
select tests.tick(99.99, 100);
select tests.enter('two', 'alpha');
select tests.act_as_service();
select public.close_position((tests.position_of('two')).id);
select tests.act_as_owner();
select tests.run_jobs();
select is((tests.position_of('two')).status, 'closed', 'a position is closed under a clock that was set back behind the account''s reset');
select is((select total_trades from public.paper_balances), 1, 'it is the first since');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'and the books say so');

select * from finish();
rollback;
