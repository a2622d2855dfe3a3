-- Calls that are proven never to have left.
begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha');
delete from trading.rate_budgets;
create function pg_temp.left_of(p_rule text) returns numeric language sql as $$ select trim_scale(round(b.tokens)) from trading.rate_budgets b where b.rule = p_rule $$;
create function pg_temp.miss() returns text language plpgsql as $$
declare
  v_call jsonb;
begin
  perform trading.set_clock(trading.engine_now() + interval '1 minute');
  update trading.exchange_clocks set measured_at = trading.engine_now();
  v_call := tests.next_call();
  perform tests.answer('{"outcome": "not_sent", "reason": "window_over", "message": "its window was over before it could leave", "requests": 0}');
  return v_call ->> 'action';
end
$$;
select is(pg_temp.miss(), 'submit_pair', 'a stop and its target miss their window');
select is((pg_temp.left_of('orders_10s'), pg_temp.left_of('orders_1d'))::text, '(50,10000)', 'both orders that they drew are given back');
select is(pg_temp.left_of('request_weight'), 900::numeric, 'and the weight');
select pg_temp.miss() from generate_series(1, 3);
select is(pg_temp.left_of('orders_10s'), 50::numeric, 'however often that happens, and never more than there was');

select trading.block_budget('orders_10s', account, trading.engine_now() + interval '1 hour', trading.engine_now()) from t;
select trading.return_budget(account, 1, 2) from t;
select is(pg_temp.left_of('orders_10s'), 0::numeric, 'a bucket that the exchange has shut stays empty');
update trading.rate_budgets set blocked_until = null, tokens = 50, refilled_at = trading.engine_now() where rule = 'orders_10s';
select trading.set_clock(trading.engine_now() + interval '1 minute');
update trading.exchange_clocks set measured_at = trading.engine_now();
select is(tests.next_call() ->> 'action', 'submit_pair', 'the next try');
select tests.answer('{"outcome": "unknown", "reason": "no_answer", "message": "no whole answer came within the deadline", "requests": 1}');
select is(pg_temp.left_of('orders_10s'), 48::numeric, 'what may have left is not given back');

select * from finish();
rollback;
