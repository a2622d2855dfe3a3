begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"paper_trade_balance": 1000, "sizing_value": 500}');
select tests.limit_trader('alpha', '{"max_drawdown_percent": 10}');
select tests.enter('one', 'alpha', '{"stopLoss": 60}');
create function pg_temp.peak() returns numeric language sql as $$
  select trim_scale(peak_result) from trading.risk_marks where scope = 'account'
$$;

-- 500 in cash and 4.995 SOL: 1,000 is equity at 100.1001..., 1,249.5 at 150, 1,124.55 at 124.98...
select tests.tick(150, 150.01);
select is(trading.watch_losses(), 0, 'a gain trips nothing');
select is(pg_temp.peak(), 249.25, 'but raises the peak');
select tests.tick(140, 140.01);
select trading.watch_losses();
select is(pg_temp.peak(), 249.25, 'a fall does not lower it');
select tests.act_as_user('ann');
select public.top_up_paper_account(tests.trader_id('alpha'), 1000);
select tests.act_as_owner();
-- Equity 2,199.3 of a peak of 2,249.25.
select tests.tick(105.0, 105.01);
select is(trading.watch_losses(), 0, 'money put in moves equity and peak alike: 2,024.475 of 2,249.25 is just inside');
select tests.tick(104.98, 104.99);
select tests.limit_trader('alpha', '{"max_drawdown_percent": 9.99}');
select is(trading.watch_losses(), 1, 'a limit that is lowered to where the equity is trips');
select is(tests.state_of('account', 'alpha'), 'reducing', 'the account is reducing');
select is(trading.standing_cause(tests.user_id('ann'), trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')), trading.engine_now()), 'drawdown', 'the cause stands');

update trading.trading_states set state = 'active', set_by = 'ann', set_at = trading.engine_now() where scope = 'account';
select is(trading.standing_cause(tests.user_id('ann'), trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')), trading.engine_now()), null,
  'who resumes against it accepts it: the peak is measured anew');
select is((select was_forced from trading.loss_trips), true, 'and the trip says so');
select is((select resolved_by from public.alerts where code = 'drawdown'), 'ann', 'its alert is resolved by whoever resumed');
select is(trading.watch_losses(), 0, 'nothing trips again');
delete from public.market_prices where symbol = 'SOLUSDT';
select is(trading.watch_losses(), 0, 'an equity that cannot be known trips nothing: it denies entries instead');

select * from finish();
rollback;
