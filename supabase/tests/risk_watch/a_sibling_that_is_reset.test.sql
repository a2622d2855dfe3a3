begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"paper_trade_balance": 1000, "sizing_value": 500}');
select tests.hire('beta', 'ann', '{"paper_trade_balance": 1000, "sizing_value": 500}');
select tests.limit_all('ann', '{"max_drawdown_percent": 5, "max_exposure_quote": 5000}');
select tests.enter('one', 'alpha', '{"stopLoss": 60}');
-- Beta has its account from a trade of its own.
select tests.enter('two', 'beta', '{"stopLoss": 99.5}');
select trading.watch_losses();
select tests.tick(80, 80.01);
select tests.run_jobs();
select trading.watch_losses();
select is(trading.standing_cause(tests.user_id('ann'), trading.portfolio_id(tests.user_id('ann'), 'paper'), trading.engine_now()), 'drawdown', 'all traders together fell too far');

select tests.act_as_user('ann');
select public.reset_paper_account(tests.trader_id('beta'));
select tests.act_as_owner();
select is((select current_balance::numeric from public.paper_balances where trader_id = tests.trader_id('beta')), 1000::numeric,
  'an account that is reset begins anew');
select is(trading.standing_cause(tests.user_id('ann'), trading.portfolio_id(tests.user_id('ann'), 'paper'), trading.engine_now()), 'drawdown', 'but what all lost together stays lost');
select is((select loss_streak from trading.risk_marks where scope = 'portfolio'), 1, 'and so does their losing streak');

select * from finish();
rollback;
