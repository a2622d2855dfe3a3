begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 1000}');
select tests.hire('beta');
select tests.limit_all('ann', '{"max_daily_loss_quote": 60, "max_exposure_quote": 10000}');
select tests.enter('one', 'alpha');
select tests.act_as_user('ann');
select public.pause_trading('trader', tests.trader_id('alpha'), 'looks odd');
select tests.act_as_owner();
select tests.tick(90, 90.1);
select tests.run_jobs();
select is((tests.position_of('one')).status, 'closed', 'the last position is closed at a loss while its trader is paused');
select is(trading.watch_losses(), 1, 'the watch sees what was lost, though nothing is held any more');
select is(tests.state_of('portfolio', 'ann'), 'reducing', 'all paper traders are kept from entering');

-- Whoever resumes by force and raises the limit has another limit.
select tests.resume('ann', 'portfolio', trading.portfolio_id(tests.user_id('ann'), 'paper'), true);
select is(trading.watch_losses(), 0, 'the loss that was known at a forced resume does not trip again');
update public.risk_limits set max_daily_loss_quote = 80 where trader_id is null;
select is(trading.watch_losses(), 1, 'a limit that was raised since then does');

select * from finish();
rollback;
