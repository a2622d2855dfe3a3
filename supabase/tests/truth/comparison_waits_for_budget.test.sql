begin;
select plan(13);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.later(p_by interval, p_tokens numeric) returns void language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  update trading.rate_budgets set tokens = p_tokens, refilled_at = trading.engine_now() where rule = 'request_weight';
end
$$;
create function pg_temp.balances() returns jsonb language sql as $$
  select tests.answer('{"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "10000", "locked": "0"}]}')
$$;
create function pg_temp.checks() returns bigint language sql as $$ select count(*) from trading.account_checks $$;
create function pg_temp.wait() returns numeric language sql as $$
  select extract(epoch from j.due_at - trading.engine_now()) from trading.jobs j where j.kind = 'sync' and j.status = 'queued'
$$;
select pg_temp.later('1 minute', 625);
create temp table before as select pg_temp.checks() as count;

-- Within one walk -------------------------------------------------------------------------------------------------------
select trading.queue_account_check((select account from t), 'by hand', trading.engine_now());
select is(tests.next_call() ->> 'action', 'balances', 'a comparison asks for the balances');
select is(pg_temp.balances() ->> 'code', 'FB429', 'the budget has too little for the open orders of all symbols');
select is(pg_temp.wait(), ceil(1000 * (80 + 600 - 605) / 55.0) / 1000, 'it comes back when the budget will have enough');
select is((select last_error ->> 'detail' like '%request_weight%' from trading.jobs where kind = 'sync' and status = 'queued'), true, 'and says which one it was');
select pg_temp.later('2 seconds', 681);
select is(tests.next_call() ->> 'action', 'open_orders', 'then it goes on where it stood');
select tests.answer('{"outcome": "accepted", "orders": []}');
select is(pg_temp.checks(), (select count + 1 from before), 'and comes to its end');
select is((select started_at from trading.account_checks order by id desc limit 1), trading.engine_now() - interval '2 seconds', 'about the moment of its balances');

-- After a long pause ----------------------------------------------------------------------------------------------------
select pg_temp.later('1 minute', 625);
select trading.queue_account_check((select account from t), 'by hand', trading.engine_now());
select tests.next_call();
select pg_temp.balances();
select pg_temp.later('6 minutes', 900);
select is(tests.next_call() ->> 'action', 'balances', 'balances of six minutes ago are asked for again');
select is(pg_temp.balances() #>> '{call,action}', 'open_orders', 'and the walk goes on from there');
select tests.answer('{"outcome": "accepted", "orders": []}');
select is((select started_at from trading.account_checks order by id desc limit 1), trading.engine_now(), 'about the later moment');

-- Never enough ----------------------------------------------------------------------------------------------------------
select pg_temp.later('20 minutes', 0);
update trading.rate_rules set per_second = 0.000001 where name = 'request_weight';
select trading.queue_account_check((select account from t), 'by hand', trading.engine_now());
select tests.run_jobs();
select trading.watch_comparisons(trading.engine_now());
select ok(not tests.has_alert('comparison_stalled'), 'one that waits for the budget is not stalled at once');
update trading.jobs set enqueued_at = enqueued_at - interval '6 minutes' where kind = 'sync' and status = 'queued';
select trading.watch_comparisons(trading.engine_now());
select ok(tests.has_alert('comparison_stalled'), 'one that has waited for more than five minutes is');
delete from trading.jobs where status = 'queued';

-- A failure is no pause -------------------------------------------------------------------------------------------------
select pg_temp.later('1 minute', 900);
select trading.queue_account_check((select account from t), 'by hand', trading.engine_now());
select tests.next_call();
select pg_temp.balances();
select tests.answer('{"outcome": "unknown", "reason": "timeout"}');
select pg_temp.later('10 seconds', 900);
select is(tests.next_call() ->> 'action', 'balances', 'after a call that failed the walk begins anew');

select * from finish();
rollback;
