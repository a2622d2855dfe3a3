begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
create temp table t as select tests.go_live('ann') as account;
grant select on t to public;

-- Two live traders share an exchange account, and one of them is stopped.
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
create temp table entry as select tests.next_call() as call;
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from entry), 'filled', 1,
  '{"fills": [{"trade_id": "7", "price": "100", "quantity": "1", "value": "100", "fee": "0", "fee_asset": "SOL", "is_maker": false, "executed_at": "2026-03-02 12:00:01+00"}]}')));
create temp table guard as select tests.next_call() as call;
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from guard), 'working')));
select tests.decide('waiting', 'alpha');

select tests.act_as_user('ann');
select is(public.stop_trading('trader', tests.trader_id('alpha'), 'halt', 'enough') ->> 'scope', 'trader', 'its owner stops one live trader');
select tests.act_as_owner();
select is((select scope from trading.trading_states where state = 'halted'), 'trader', 'the state is the trader''s own, not the account''s');
select is(tests.next_call(), null, 'its decisions ask nothing of the exchange any more');
select is((select rejection_code from public.signals where id = tests.signal_id('waiting')), 'trading_not_active', 'and are denied');
select tests.decide('later', 'alpha');
select is(tests.next_call(), null, 'later ones too');
select is((select rejection_code from public.signals where id = tests.signal_id('later')), 'trading_not_active', 'by the rule');
select tests.decide('sibling', 'beta');
create temp table other as select tests.next_call() as call;
select is((select call ->> 'action' from other), 'submit', 'the other trader of the account goes on');
select tests.answer('{"outcome": "rejected", "reason": "insufficient_funds"}');

select tests.act_as_user('ann');
select lives_ok($$ select public.stop_trading('trader', tests.trader_id('alpha'), 'halt_and_flatten', 'now all of it') $$, 'the stop becomes stricter');
select tests.act_as_owner();
create temp table sale as select tests.next_call() as call;
select is((select call ->> 'action' from sale), 'replace', 'its position is sold by the request that ends its stop');
select is((select call #>> '{request,order,type}' from sale), 'MARKET', 'at market, through the halt');
select tests.act_as_user('ann');
select is(public.stop_trading('account', (select account from t), 'halt', 'and the rest') ->> 'scope', 'account', 'the whole exchange account can be stopped');
select tests.act_as_owner();
select is((select state from trading.effective_state(tests.user_id('ann'), trading.portfolio_id(tests.user_id('ann'), 'live'), (select account from t), tests.trader_id('beta'))), 'halted', 'then its other traders are');
select tests.act_as_user('bob');
select tests.raises($$ select public.stop_trading('account', '$$ || (select account from t) || $$', 'halt', 'not mine') $$, 'FB404', 'account_not_found', 'but not by somebody else');
select tests.act_as_user('ann');
select is(public.resume_trading('account', (select account from t), 'again') ->> 'state', 'active', 'and is resumed by its owner');
select tests.act_as_owner();

select * from finish();
rollback;
