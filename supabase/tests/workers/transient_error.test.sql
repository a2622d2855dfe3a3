begin;
select plan(8);
select tests.open_desk('{"job_max_attempts": 4}');
select tests.hire('alpha');
select tests.decide('one', 'alpha');
create function pg_temp.fail(p_sqlstate text) returns text language sql as $$
  select trading.fail_job((j ->> 'id')::bigint, (j ->> 'fence')::bigint, p_sqlstate, 'planted')
  from jsonb_array_elements(trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8), p_now => trading.engine_now() + interval '1 hour') -> 'jobs') j
$$;
create function pg_temp.delay() returns interval language sql as $$ select due_at - trading.engine_now() from trading.jobs $$;

select is(pg_temp.fail('40P01') || ' ' || pg_temp.delay(), 'queued 00:00:01', 'after a deadlock an entry is tried again in a second');
select is(pg_temp.fail('55P03') || ' ' || pg_temp.delay(), 'queued 00:00:02', 'after a lock that took too long, in two');
select is(pg_temp.fail('08006') || ' ' || pg_temp.delay(), 'queued 00:00:04', 'after a lost connection, in four');
select is((select last_error ->> 'sqlstate' from trading.jobs), '08006', 'the job remembers the last error');
select is((select status from public.signals), 'ready', 'its signal is not refused yet');
select is(pg_temp.fail('NETWORK'), 'dead', 'after as many tries as the settings allow it is given up');
select results_eq($$ select status, rejection_code, rejection_reason from public.signals $$,
  $$ values ('rejected', 'engine_error', 'planted') $$,
  'its signal is refused in the words of the error');
select results_eq($$ select severity, code, subject_id from public.alerts $$,
  $$ values ('critical', 'entry_failed', tests.signal_id('one')::text) $$,
  'and somebody is told');

select * from finish();
rollback;
