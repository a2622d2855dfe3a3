-- Orders of several accounts, and a budget that is not enough for all of them.
begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "sizing_value": 100, "signal_ttl_seconds": 3600, "entry_timeout_seconds": 3600}');
select tests.hire('beta', 'bob', '{"entry_order_type": "limit", "sizing_value": 100, "signal_ttl_seconds": 3600, "entry_timeout_seconds": 3600}');
create temp table t as select tests.go_live('ann') as ann, tests.go_live('bob') as bob;
update public.instruments set max_algo_orders = 20;
update trading.settings set order_poll_ms = 5000;
create function pg_temp.queued() returns text language sql as $$
  select concat_ws(' ', count(*) filter (where p.account_id = t.ann), count(*) filter (where p.account_id = t.bob))
  from t, trading.jobs j join public.orders p on p.id = j.order_id where j.kind = 'sync' and j.status = 'queued'
$$;
create function pg_temp.forget() returns void language sql as $$ delete from trading.jobs where status = 'queued' $$;
create function pg_temp.fill(p_tokens numeric) returns void language sql as $$
  insert into trading.rate_budgets (rule, scope_id, tokens, refilled_at) values ('questions', trading.derived_id('exchange', 'simulator'), p_tokens, trading.engine_now())
  on conflict (rule, scope_id) do update set tokens = excluded.tokens, refilled_at = excluded.refilled_at
$$;
select tests.rest_entry('ann ' || n, 'alpha', 98) from generate_series(1, 6) n;
select tests.rest_entry('bob ' || n, 'beta', 100) from generate_series(1, 2) n;
select is((select count(*) from public.orders where state = 'working'), 8::bigint, 'six entries of the one rest, two of the other');
select pg_temp.forget();
update trading.rate_rules set burst = 32, per_second = 0.000001, poll_reserve = 16 where name = 'questions';

-- Polls leave a reserve to what a tick reaches. ----------------------------------------------------------------------------------
select tests.tick_live(102, '20 seconds');
select pg_temp.forget();
select pg_temp.fill(32);
select is(trading.queue_due_syncs(trading.engine_now()), 4, 'of eight that are due as many are asked about as leave the reserve');
select is(pg_temp.queued(), '2 2', 'the accounts take turns');
select tests.tick_live(100, '100 milliseconds');
select is(pg_temp.queued(), '2 2', 'who is reached and was queued already is not queued twice');
select pg_temp.forget();
select pg_temp.fill(16);
select is(trading.queue_due_syncs(trading.engine_now() + interval '1 second'), 2, 'from the reserve only reached ones are asked about');
select is(pg_temp.queued(), '0 2', 'the other account''s, which a tick has reached');
select pg_temp.forget();
select pg_temp.fill(8);
update trading.venue_orders set owed_at = trading.engine_now();
select trading.queue_due_syncs(trading.engine_now() + interval '1 second');
select is(pg_temp.queued(), '1 1', 'when all are reached and the budget is short, each account has its turn');
select pg_temp.forget();

-- Keys that do not work ----------------------------------------------------------------------------------------------------------
update trading.exchange_keys k set refused_at = trading.engine_now() from t where k.account_id = t.ann;
select pg_temp.fill(32);
select trading.queue_due_syncs(trading.engine_now() + interval '1 second');
select is(pg_temp.queued(), '0 2', 'an account whose key was just refused is not asked about');
select pg_temp.forget();
update trading.exchange_keys k set refused_at = trading.engine_now() - interval '61 seconds' from t where k.account_id = t.ann;
select trading.queue_due_syncs(trading.engine_now() + interval '1 second');
select is(pg_temp.queued(), '6 2', 'after a minute it is tried again');
update trading.jobs set last_error = '{"code": "key_refused"}', due_at = trading.engine_now() + interval '1 minute'
where status = 'queued' and order_id in (select o.id from public.orders o, t where o.account_id = t.ann);
delete from trading.jobs where status = 'queued' and last_error is null;
select pg_temp.fill(8);
select trading.queue_due_syncs(trading.engine_now() + interval '1 second');
select is(pg_temp.queued(), '6 2', 'questions that wait for a key hold nobody''s place');
delete from trading.jobs where status = 'queued' and last_error is null;
update trading.jobs set last_error = '{"sqlstate": "FB429"}' where status = 'queued';
select is(trading.questions_left('simulator', trading.engine_now()), -4, 'questions that wait for the budget do');
select pg_temp.forget();
update trading.exchange_keys k set is_active = false, inactive_code = 'replaced', ended_at = trading.engine_now() from t where k.account_id = t.ann;
select pg_temp.fill(32);
select trading.queue_due_syncs(trading.engine_now() + interval '1 second');
select is(pg_temp.queued(), '0 2', 'nor is an account without a key asked about');

select * from finish();
rollback;
