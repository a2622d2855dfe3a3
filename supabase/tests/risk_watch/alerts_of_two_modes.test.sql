begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.go_live('ann');
update public.traders set paper_trade_mode = true where name = 'alpha';
select tests.limit_all('ann', '{"max_daily_loss_quote": 20, "max_position_quote": 1000}');
select tests.act_as_user('ann');
select public.set_risk_limits('{"max_daily_loss_quote": 30, "max_position_quote": 1000}', p_mode => 'live');
select tests.act_as_owner();
select trading.ensure_paper_account(t, trading.engine_now()) from public.traders t where name = 'alpha';
select trading.book_result(trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')), tests.trader_id('alpha'), -21,
  trading.engine_now());
select is(trading.watch_losses(), 1, 'the paper traders'' limit is reached');
select trading.book_result((trading.live_account(tests.user_id('ann'))).id, tests.trader_id('beta'), -31, trading.engine_now());
select is(trading.watch_losses(), 1, 'and then the live traders''');
select results_eq($$ select message, detail ->> 'mode', subject_type, subject_id, occurrences from public.alerts where code = 'daily_loss' order by detail ->> 'mode' desc $$,
  $$ values
    ('Daily loss in USDT, all paper traders together: 21 has reached the limit of 20. Trading is reducing: no new entries, exits go on.', 'paper', 'portfolio',
      trading.portfolio_id(tests.user_id('ann'), 'paper')::text, 1),
    ('Daily loss in USDT, all live traders together: 31 has reached the limit of 30. Trading is reducing: no new entries, exits go on.', 'live', 'portfolio',
      trading.portfolio_id(tests.user_id('ann'), 'live')::text, 1) $$,
  'each has an alert of its own, which names the mode');
select is((select string_agg(detail ->> 'mode', ', ' order by id) from public.audit_log where action = 'loss_limit_reached'), 'paper, live', 'as does the audit');
select tests.resume('ann', 'portfolio', trading.portfolio_id(tests.user_id('ann'), 'paper'), true);
select is((select detail ->> 'mode' from public.alerts where code = 'daily_loss' and resolved_at is null), 'live', 'a resume on paper leaves the live alert open');

select * from finish();
rollback;
