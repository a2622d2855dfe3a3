begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('paper', 'bob');
select tests.enter('one', 'paper');
select is_empty($$ select 1 from trading.rate_budgets $$, 'a paper order asks nobody and draws nothing');
select tests.go_live('ann');
create function pg_temp.tokens(p_rule text) returns numeric language sql as $$ select round(tokens, 3) from trading.rate_budgets where rule = p_rule $$;
update trading.rate_rules set burst = 3, per_second = 0.000001, entry_reserve = 1 where name = 'orders_10s';
update trading.rate_budgets set tokens = 3 where rule = 'orders_10s';

select tests.decide('two', 'alpha');
select is(tests.next_call() ->> 'action', 'submit', 'the call that places an entry');
select is(pg_temp.tokens('orders_10s'), 2::numeric, 'draws one order');
select is(tests.answer('{"outcome": "rejected", "reason": "insufficient_funds"}') ->> 'outcome', 'rejected', 'whatever becomes of it');
update trading.rate_budgets set tokens = 1.5 where rule = 'orders_10s';
update trading.jobs set status = 'done', finished_at = now() where status = 'queued'; -- The comparison that the refusal asked for.
select tests.decide('three', 'alpha');
select tests.raises($$ select tests.next_call() $$, 'FB429', 'request_budget_exhausted', 'an entry is not permitted into the reserve');
select is_empty($$ select 1 from public.positions where signal_id = tests.signal_id('three') $$, 'and leaves nothing behind');
select lives_ok($$ select trading.require_budget((trading.live_account(tests.user_id('ann'))).id, 'exit', 1, 1, trading.engine_now()) $$, 'an exit is');
select is(trading.is_transient('FB429'), true, 'who met an empty bucket is tried again');

select * from finish();
rollback;
