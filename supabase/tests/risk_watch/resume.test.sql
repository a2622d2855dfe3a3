begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 6}');
create function pg_temp.cause() returns text language sql as $$
  select trading.standing_cause(tests.user_id('ann'), trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')), trading.engine_now())
$$;
create function pg_temp.resume() returns void language sql as $$
  update trading.trading_states set state = 'active', set_by = 'ann', set_at = trading.engine_now() where scope = 'account'
$$;
select tests.stop_out('one', 'alpha');
select is(tests.state_of('account', 'alpha') || ' ' || pg_temp.cause(), 'reducing daily_loss', 'a loss of 6.19 trips a limit of 6, and the cause stands');
select pg_temp.resume();
select is((select was_forced from trading.loss_trips), true, 'who resumes nevertheless did it by force');
select trading.watch_portfolio(trading.portfolio_id(tests.user_id('ann'), 'paper'), trading.engine_now());
select is(tests.state_of('account', 'alpha'), 'active', 'and is not stopped for the same day''s loss again');
select tests.enter('two', 'alpha');
select is(tests.rejection('two'), 'daily_loss', 'but the limit holds: entries are denied by its own code');

select tests.limit_trader('alpha', '{"max_daily_loss_quote": 12}');
select is(pg_temp.cause(), null, 'under a higher limit the cause is gone');
select tests.enter('three', 'alpha');
select is((tests.position_of('three')).status, 'open', 'and entries go on');
select trading.set_trading_state('account', trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')), 'reducing', false, 'by hand', 'ann', trading.engine_now());
select pg_temp.resume();
select is((select count(*) from trading.loss_trips), 1::bigint, 'a pause by hand is no trip');
select trading.set_clock('2026-03-03 00:00:00+00');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 6}');
select tests.tick(94, 94.01);
select tests.run_jobs();
select is((select count(*) from trading.loss_trips), 2::bigint, 'the next day''s loss trips anew');
select is(tests.state_of('account', 'alpha'), 'reducing', 'and takes the account to reducing');

select * from finish();
rollback;
