begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.go_live('ann');
update public.traders set paper_trade_mode = true where name = 'alpha';
select tests.limit_all('ann', '{"max_daily_loss_quote": 20, "max_position_quote": 1000}');
update public.traders set sizing_value = 200 where name = 'alpha';
select tests.enter('paper', 'alpha', '{"stopLoss": 91}');
update public.traders set entry_order_type = 'limit' where name = 'beta';
select tests.decide('resting', 'beta', '{"entry": 79, "stopLoss": 78}');
create temporary table sent as select tests.next_call() as call;
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from sent), 'working')));
select is((tests.order_of('resting', 'entry')).state, 'working', 'a live limit rests at the exchange');

select tests.tick(90.00, 90.01);
select trading.watch_losses();
select is(tests.states(), 'portfolio reducing', 'a loss on paper');
select is((select f.mode from trading.trading_states s join trading.portfolios f on f.id = s.scope_id where s.scope = 'portfolio'), 'paper', 'is one of the paper traders');
select is(tests.next_call() ->> 'action', null, 'it makes no call to the exchange');
select is((select count(*) from trading.jobs where kind = 'cancel' and order_id = (tests.order_of('resting', 'entry')).id and attempts + (status <> 'queued')::int > 0), 0::bigint,
  'and cancels no live order');
select tests.decide('live', 'beta', '{"entry": 79, "stopLoss": 78}');
select is(tests.next_call() ->> 'action', 'submit', 'a live decision becomes an order');
select tests.decide('again', 'alpha');
select tests.run_jobs();
select is(tests.rejection('again'), 'trading_not_active', 'one on paper does not');

-- And the other way round.
select tests.resume('ann', 'portfolio', trading.portfolio_id(tests.user_id('ann'), 'paper'), true);
select is(tests.states(), 'active', 'the paper traders are resumed');
select tests.act_as_user('ann');
select public.set_risk_limits('{"max_daily_loss_quote": 30, "max_position_quote": 1000}', p_mode => 'live');
select tests.act_as_owner();
select trading.book_result((trading.live_account(tests.user_id('ann'))).id, tests.trader_id('beta'), -31, trading.engine_now());
select is(trading.watch_losses(), 1, 'a live limit is reached');
select is((select s.scope_id from trading.trading_states s where s.state <> 'active'), trading.portfolio_id(tests.user_id('ann'), 'live'), 'it stops the live traders only');
select is((select j.payload ->> 'reason' from trading.jobs j where j.kind = 'cancel' and j.status = 'queued' and j.due_at <= trading.engine_now()
  and j.order_id = (tests.order_of('resting', 'entry')).id), 'loss_limit', 'whose resting entry is cancelled');
select tests.decide('on paper', 'alpha', '{"entry": 90, "stopLoss": 85}');
select tests.run_jobs();
select is(tests.rejection('on paper'), 'daily_loss_all', 'a paper decision is judged by the paper traders'' own rule');

select * from finish();
rollback;
