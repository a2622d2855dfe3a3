begin;
select plan(17);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
-- Reports as a worker whose invocation is about to end.
create function pg_temp.answer_last(p_answer jsonb) returns jsonb language sql as $$
  select trading.answer_call(w.job_id, w.fence, (w.answer #>> '{call,id}')::bigint, p_answer, p_may_ask => false) from tests.live_work w
$$;
create function pg_temp.balances() returns jsonb language sql as $$
  select '{"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "10000", "locked": "0"}]}'::jsonb
$$;
create function pg_temp.tokens() returns numeric language sql as $$ select tokens from trading.rate_budgets where rule = 'request_weight' $$;
create function pg_temp.state_of_job() returns text language sql as $$
  select concat_ws(' ', j.status, j.attempts, j.last_error ->> 'code', j.due_at = trading.engine_now()) from trading.jobs j join tests.live_work w on w.job_id = j.id
$$;

-- A comparison ------------------------------------------------------------------------------------------------------------
select trading.set_clock(trading.engine_now() + interval '1 minute');
update trading.exchange_clocks set measured_at = trading.engine_now();
create temp table before as select count(*) as checks from trading.account_checks;
select trading.queue_account_check((select account from t), 'by hand', trading.engine_now());
select is(tests.next_call() ->> 'action', 'balances', 'a comparison asks for the balances');
create temp table drawn as select pg_temp.tokens() as tokens;
select is(pg_temp.answer_last(pg_temp.balances()) - 'message', '{"outcome": "retry", "code": "worker_spent", "also": 0, "next": null}', 'a worker that is to end is asked nothing more');
select is(pg_temp.state_of_job(), 'queued 0 worker_spent t', 'the next one has it at once');
select is((select count(*) from trading.exchange_calls where answered_at is null), 0::bigint, 'no call waits for anybody');
select is(pg_temp.tokens(), (select tokens from drawn), 'nothing is drawn for the question that was put off');
select is((select free::numeric from trading.exchange_balances where asset = 'USDT'), 10000::numeric, 'the answer is in the books');
select is(tests.next_call() ->> 'action', 'open_orders', 'the next worker goes on where it stood');
select is(pg_temp.answer_last('{"outcome": "accepted", "orders": []}') ->> 'outcome', 'done', 'an end needs no question: it is not put off');
select is((select count(*) from trading.account_checks), (select checks + 1 from before), 'the comparison was made');

-- What places, moves or ends an order is not put off. -----------------------------------------------------------------------
select tests.tick(99.99, 100);
delete from trading.exchange_clocks;
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
select is(tests.next_call() ->> 'action', 'server_time', 'an entry that asks for the time first');
select is(pg_temp.answer_last(jsonb_build_object('outcome', 'accepted', 'server_time_ms', floor(extract(epoch from trading.engine_now()) * 1000), 'elapsed_ms', 1))
  #>> '{call,action}', 'submit', 'is sent by the worker that asked');
update trading.exchange_calls set opened_at = permitted_at where answered_at is null;
update tests.live_work set answer = (select jsonb_build_object('call', trading.call_json(c)) from trading.exchange_calls c where c.answered_at is null);
select is(pg_temp.answer_last('{"outcome": "unknown", "reason": "no_answer"}') ->> 'outcome', 'unknown', 'what became of it is written down');

-- A question about an order goes on within its attempt, too. ------------------------------------------------------------------
select trading.set_clock(trading.engine_now() + interval '3 seconds');
select is(tests.next_call() ->> 'action', 'lookup', 'the unknown order is looked up');
select is(pg_temp.answer_last('{"outcome": "rejected", "reason": "order_not_found"}') #>> '{call,action}', 'cancel', 'its cancel is no question');
update tests.live_work set answer = (select jsonb_build_object('call', trading.call_json(c)) from trading.exchange_calls c where c.answered_at is null);
update trading.exchange_calls set opened_at = permitted_at where answered_at is null;
select trading.set_clock(trading.engine_now() + interval '70 seconds');
update trading.exchange_clocks set measured_at = trading.engine_now();
select is(pg_temp.answer_last('{"outcome": "rejected", "reason": "order_not_found"}') ->> 'code', 'worker_spent', 'the looks that its proof still lacks are');
select is(pg_temp.state_of_job(), 'queued 0 worker_spent t', 'left to the next worker');
select is(tests.next_call() ->> 'action', 'lookup', 'which looks');

select * from finish();
rollback;
