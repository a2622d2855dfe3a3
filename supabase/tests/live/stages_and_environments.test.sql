begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 40}', '{"max_position_quote": 100, "max_exposure_quote": 5000, "max_open_positions": 20}');
select tests.hire('tester', 'bob');
insert into trading.rollout_members values (tests.user_id('ann'), 'alpha');
update public.traders set paper_trade_mode = false;
insert into trading.exchange_clocks values ('production', 0, 1, trading.engine_now()), ('testnet', 0, 1, trading.engine_now()), ('demo', 0, 1, trading.engine_now());

-- Ann tries on the testnet with play money first.
create temp table played as select trading.connect_exchange_account(tests.user_id('ann'), 'testnet', 'uid-t', 'key-of-ann-t', 'secret-of-ann-t') as account;
select tests.next_call();
select tests.answer('{"outcome": "accepted", "account": {"uid": "uid-t", "can_trade": true}, "balances": [{"asset": "USDT", "free": "9000", "locked": "0"}]}');
select tests.answer('{"outcome": "accepted", "orders": []}');
create temp table earnest as select trading.connect_exchange_account(tests.user_id('ann'), 'production', 'uid-p', 'key-of-ann-p', 'secret-of-ann-p') as account;
select tests.next_call();
select tests.answer('{"outcome": "accepted", "account": {"uid": "uid-p", "can_trade": true}, "balances": [{"asset": "USDT", "free": "1000", "locked": "0"}]}');
select tests.answer('{"outcome": "accepted", "orders": []}');
select is(tests.bought_live('one', 'alpha'), 'bought', 'a user of a live stage trades');
select is((tests.facts_of('one') ->> 'equity_all')::numeric, 1000::numeric, 'play money is not summed with it');
select is((select equity from trading.measure_losses(array[(tests.position_of('one')).portfolio_id], trading.engine_now()) where scope = 'portfolio'), 999.996::numeric,
  'nor by the watch');

-- The cap of the stage is watched like a limit, though nobody set one.
select trading.book_result((trading.live_account(tests.user_id('ann'))).id, tests.trader_id('alpha'), -19, trading.engine_now());
select is(trading.watch_losses(), 0, 'below the cap of the stage nothing trips');
select trading.book_result((trading.live_account(tests.user_id('ann'))).id, tests.trader_id('alpha'), -2, trading.engine_now());
select trading.watch_losses();
select is((select string_agg(concat_ws(' ', scope, rule, limit_value), ', ' order by scope) from trading.loss_trips), 'portfolio daily_loss 20, trader daily_loss 20',
  'beyond it the watch takes all live traders to reducing, and the trader whose own limits were lowered to it');
update trading.trading_states set state = 'active';
delete from trading.daily_results;

update trading.rollout_members set stage = 'paper_only';
select is(tests.bought_live('two', 'alpha'), 'stage_forbids_live', 'one who was taken out of it does not');

-- A ban of the testnet is none of production.
select trading.block_budget('request_weight', (select account from played), trading.engine_now() + interval '1 day', trading.engine_now());
select is(trading.draw_budget((select account from played), 'exit', 1, 0, trading.engine_now()) ->> 'granted', 'false', 'the testnet asks for silence');
select is(trading.draw_budget((select account from earnest), 'exit', 1, 0, trading.engine_now()) ->> 'granted', 'true', 'production does not');

-- The demo trading is an environment of its own, worth as little as the testnet.
create temp table demonstrated as select trading.connect_exchange_account(tests.user_id('bob'), 'demo', 'uid-t', 'key-of-bob-d', 'secret-of-bob-d') as account;
select isnt((select account from demonstrated), (select account from played), 'the same number is another account there');
select is(tests.next_call() ->> 'environment', 'demo', 'a user without a live stage has it asked for');
select tests.answer('{"outcome": "accepted", "account": {"uid": "uid-t", "can_trade": true}, "balances": [{"asset": "USDT", "free": "9000", "locked": "0"}]}');
select tests.answer('{"outcome": "accepted", "orders": []}');
select is(trading.draw_budget((select account from demonstrated), 'exit', 1, 0, trading.engine_now()) ->> 'granted', 'true', 'the ban of the testnet is none of it');
select is(tests.bought_live('three', 'tester'), 'bought', 'and trades');
select tests.raises($$ select trading.connect_exchange_account(tests.user_id('bob'), 'paper', 'uid-b', 'key-of-bob-p', 'secret-of-bob-p') $$, 'FB400', 'key_invalid',
  'paper is no environment of an exchange');
select is((select string_agg(concat(environment, case when is_real_money then ' real' end, case when is_remote then ' remote' end), ', ' order by environment)
  from trading.environments), 'demo remote, paper, production real remote, simulator, testnet remote', 'the money of one environment is real');

select * from finish();
rollback;
