-- An entry ends after as many failures as the settings allow; what it waited for before is none of them.
begin;
select plan(9);
select tests.open_desk('{"job_max_attempts": 3}');
select tests.hire('alpha', 'ann', '{"signal_ttl_seconds": 3600}');
create function pg_temp.claim() returns table (id bigint, fence bigint) language sql as $$
  select (j ->> 'id')::bigint, (j ->> 'fence')::bigint from jsonb_array_elements(
    trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8), p_now => trading.engine_now() + interval '1 minute') -> 'jobs') j
$$;
create function pg_temp.wait(p_times int) returns void language plpgsql as $$
begin
  for n in 1 .. p_times loop
    perform trading.execute_job(c.id, c.fence) from pg_temp.claim() c;
  end loop;
end
$$;
create function pg_temp.job() returns text language sql as $$ select concat_ws(' ', j.status, j.last_error ->> 'code') from trading.jobs j where j.kind = 'enter' $$;
create function pg_temp.die() returns text language plpgsql as $$
begin
  perform pg_temp.claim();
  update trading.jobs set lease_until = clock_timestamp() - interval '1 second' where status = 'running';
  perform trading.sweep();
  return pg_temp.job();
end
$$;
select trading.set_clock(trading.engine_now() + interval '30 seconds');
select tests.decide('one', 'alpha');
select pg_temp.wait(10);
select is(pg_temp.job(), 'queued price_stale', 'an entry that has waited for a price');
select is((select (attempts, failures)::text from trading.jobs where kind = 'enter'), '(10,0)', 'ten times');
savepoint s;
select is((select trading.fail_job(c.id, c.fence, '55P03', 'planted') from pg_temp.claim() c), 'queued', 'is tried again after its first failure');
select is((select due_at - trading.engine_now() from trading.jobs where kind = 'enter'), interval '1 second', 'in a second');

rollback to s;
select is(pg_temp.die(), 'queued', 'one worker that dies');
select is(pg_temp.die(), 'queued', 'and another');
select is(pg_temp.die(), 'dead', 'are fewer than it takes');
select is((select concat_ws(' ', status, rejection_code) from public.signals), 'rejected engine_error', 'then the signal is refused');
select ok(tests.has_alert('entry_failed'), 'and somebody is told');

select * from finish();
rollback;
