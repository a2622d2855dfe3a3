begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 6}');
select tests.stop_out('one', 'alpha');
select is(tests.state_of('account', 'alpha'), 'reducing', 'a loss limit took the account to reducing');

select tests.act_as_user('ann');
select tests.raises($$ select public.resume_trading('trader', tests.trader_id('alpha'), 'I feel lucky') $$, 'FB409', 'cause_stands',
  'while its cause stands it is not resumed');
select tests.act_as_owner();
select is(tests.state_of('account', 'alpha'), 'reducing', 'and nothing has changed');
select is((select count(*) from public.alerts where code = 'daily_loss' and resolved_at is null), 1::bigint, 'nor is the alert resolved');

select tests.act_as_user('ann');
select lives_ok($$ select public.resume_trading('trader', tests.trader_id('alpha'), 'the loss is known', true) $$, 'by force, with a reason, it is');
select tests.act_as_owner();
select is(tests.state_of('account', 'alpha'), 'active', 'trading is active again');
select results_eq('select rule, was_forced from trading.loss_trips', $$ values ('daily_loss', true) $$, 'the trip remembers that it was forced');
select is((select count(*) from public.alerts where code = 'daily_loss' and resolved_at is null), 0::bigint, 'its alert is resolved');
select tests.enter('two', 'alpha');
select is(tests.rejection('two'), 'daily_loss', 'but force lifts no limit: the day''s loss still denies entries');

select * from finish();
rollback;
