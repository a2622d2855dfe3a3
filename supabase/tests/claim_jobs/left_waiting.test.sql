-- A worker listens, and takes nothing up: its place keeps nobody from what has waited for long.
begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');
create function pg_temp.claim(p_bell text) returns jsonb language sql as $$
  select trading.claim_jobs('tests', 10, 'https://desk.example.test', repeat('desk', 8), p_bell)
$$;
create function pg_temp.kinds(p_claim jsonb) returns text language sql as $$
  select string_agg(j ->> 'kind', ' ') from jsonb_array_elements(p_claim -> 'jobs') j
$$;
create function pg_temp.queue(p_kind text, p_in interval) returns void language sql as $$
  select trading.enqueue_job(p_kind, p_kind, trading.ensure_portfolio(tests.user_id('ann'), 'paper', now()), true, trading.engine_now() + p_in)
$$;
select pg_advisory_xact_lock(hashtextextended('fillbase_listener', 0));
select ok((pg_temp.claim(trading.bell_token()) ->> 'is_attended')::boolean, 'somebody listens');
select pg_temp.queue('exit', '0');
select is(pg_temp.kinds(pg_temp.claim(trading.bell_token())), null, 'a bell leaves what it rang for to the listener');
select trading.set_clock(trading.engine_now() + interval '900 milliseconds');
select is(pg_temp.kinds(pg_temp.claim(trading.bell_token())), null, 'for a second');
select trading.set_clock(trading.engine_now() + interval '200 milliseconds');
select is(pg_temp.kinds(pg_temp.claim(trading.bell_token())), 'exit enter', 'then whoever is rung takes what is due');
select is(pg_temp.claim(null) -> 'due_in_ms', 'null'::jsonb, 'nothing becomes due');

-- What is tried again --------------------------------------------------------------------------------------------------
select pg_temp.queue('protect', '250 milliseconds');
select pg_temp.queue('sync', '1.5 seconds');
select pg_temp.queue('enter', '100 milliseconds');
select is(pg_temp.claim(null) -> 'due_in_ms', '250', 'a claim says when the next job becomes due that is no entry');
select trading.set_clock(trading.engine_now() + interval '250 milliseconds');
select is(pg_temp.claim(null) -> 'due_in_ms', '1250', 'what is due is none of them');
select trading.set_clock(trading.engine_now() - interval '600 milliseconds');
select is(pg_temp.claim(null) -> 'due_in_ms', '1850', 'up to the next sweep');
select trading.set_clock(trading.engine_now() - interval '160 milliseconds');
select is(pg_temp.claim(null) -> 'due_in_ms', 'null'::jsonb, 'which takes up the rest');
select * from finish();
rollback;
