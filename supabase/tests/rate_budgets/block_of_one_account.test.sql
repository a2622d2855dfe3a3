-- One account has had too many orders (-1015): its questions wait, and must not keep the other's from being asked.
begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "sizing_value": 100, "signal_ttl_seconds": 3600, "entry_timeout_seconds": 3600}');
select tests.hire('beta', 'bob', '{"entry_order_type": "limit", "sizing_value": 100, "signal_ttl_seconds": 3600, "entry_timeout_seconds": 3600}');
create temp table t as select tests.go_live('ann') as ann, tests.go_live('bob') as bob;
update public.instruments set max_algo_orders = 20;
update trading.settings set order_poll_ms = 5000;
select tests.rest_entry('ann ' || n, 'alpha', 98) from generate_series(1, 6) n;
select tests.rest_entry('bob ' || n, 'beta', 98) from generate_series(1, 2) n;
select is((select count(*) from public.orders where state = 'working'), 8::bigint, 'six entries of the one rest, two of the other');
delete from trading.jobs where status = 'queued';
update trading.rate_rules set burst = 24, poll_reserve = 0 where name = 'questions';
delete from trading.rate_budgets where rule = 'questions';
select trading.block_budget('orders_10s', t.ann, trading.engine_now() + interval '1 hour', trading.engine_now()) from t;
select is(trading.draw_budget(t.ann, 'ask', 4, 0, trading.engine_now()) ->> 'rule', null, 'a block of orders says nothing about a question, which places none') from t;
select is(trading.draw_budget(t.ann, 'exit', 1, 0, trading.engine_now()) ->> 'rule', null, 'nor about a cancel') from t;
delete from trading.rate_budgets where rule = 'questions';
-- All of ann's wait for that budget now.
select trading.queue_order_sync(o.id, 'test', trading.engine_now()) from public.orders o, t where o.account_id = t.ann;
create function pg_temp.try_all() returns int language plpgsql as $$
declare
  v_job jsonb;
  v_n int := 0;
begin
  for v_n in 1 .. 6 loop
    v_job := trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) #> '{jobs,0}';
    begin
      perform trading.execute_job((v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint);
    exception when sqlstate 'FB429' then
      perform trading.fail_job((v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint, 'FB429', sqlerrm, '{"wait_ms": 3600000}');
    end;
  end loop;
  return (select count(*) from trading.jobs j where j.last_error ->> 'sqlstate' = 'FB429');
end
$$;
select is(pg_temp.try_all(), 0, 'none of ann''s waits for an hour');
-- Bob's entries are reached.
select tests.tick_live(97.99, '20 seconds');
select is((select count(*) from trading.jobs j join public.orders o on o.id = j.order_id, t where o.account_id = t.bob and j.kind = 'sync' and j.status = 'queued'), 2::bigint,
  'what a tick has reached of bob''s is asked about');
select * from finish();
rollback;
