begin;
select plan(15);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 20}');
update public.traders set sizing_value = 200 where name = 'alpha';
select tests.enter('one', 'alpha', '{"stopLoss": 80}');
select is(tests.rejection('one'), 'daily_loss_at_stops', 'an entry that could lose more than a day may is denied');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 50}');
select tests.enter('one', 'alpha', '{"stopLoss": 80}');
update public.traders set entry_order_type = 'limit' where name in ('alpha', 'beta');
select tests.enter('resting', 'alpha', '{"entry": 79, "stopLoss": 78}');
select tests.enter('witness', 'beta', '{"entry": 79, "stopLoss": 78}');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 20}');

-- 1.998 SOL cost 200; at a bid of 90.1802... they return 180 after the fee of selling.
select tests.tick(90.19, 90.20);
select is(trading.watch_losses(), 0, 'an open loss just inside the limit trips nothing');
select tests.tick(90.18, 90.19);
select is(trading.watch_losses(), 1, 'one that reaches it does, without anything being closed');
select is(tests.state_of('account', 'alpha'), 'reducing', 'the account is taken to reducing');
select is(tests.state_of('account', 'beta') || ' ' || tests.state_of('portfolio', 'ann'), 'active active', 'and no other');
select results_eq($$ select severity, user_id, subject_type, message from public.alerts where code = 'daily_loss' $$,
  $$ values ('critical', tests.user_id('ann'), 'account', 'Daily loss in USDT, one paper trader: 20.00053964 has reached the limit of 20. Trading is reducing: no new entries, exits go on.') $$,
  'its owner is alerted');
select is((select detail ->> 'rule' from public.audit_log where action = 'loss_limit_reached'), 'daily_loss', 'and it is audited');
select is(trading.watch_losses(), 0, 'the next look trips nothing again');
select is((select occurrences from public.alerts where code = 'daily_loss'), 1, 'and alerts nobody again');

select tests.run_jobs();
select is((tests.position_of('resting')).status, 'failed', 'an entry that had not filled is cancelled');
select is((tests.position_of('witness')).status, 'submitting', 'another trader''s rests on');
select is((tests.order_of('one', 'stop_loss')).state, 'working', 'the stop of what is held stays');
select tests.enter('two', 'alpha');
select is(tests.rejection('two'), 'trading_not_active', 'nothing new is entered');
select tests.tick(79.99, 80);
select tests.run_jobs();
select is((tests.position_of('one')).exit_reason, 'stop_loss', 'and the stop is carried out');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
