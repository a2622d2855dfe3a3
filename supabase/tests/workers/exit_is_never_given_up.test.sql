begin;
select plan(5);
select tests.open_desk('{"job_max_attempts": 2}');
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.tick(94, 94.01);
create function pg_temp.fail() returns text language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + interval '1 minute');
  return (select trading.fail_job((j ->> 'id')::bigint, (j ->> 'fence')::bigint, '23514', 'planted')
    from jsonb_array_elements(trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs') j);
end
$$;

select is(array(select pg_temp.fail() from generate_series(1, 6)), array_fill('queued'::text, array[6]),
  'an exit that fails is queued again, however often');
select is((select due_at - trading.engine_now() from trading.jobs where kind = 'exit'), interval '16 seconds',
  'at most sixteen seconds later');
select results_eq($$ select severity, code, occurrences from public.alerts $$, $$ values ('critical', 'job_keeps_failing', 6) $$,
  'one alert counts how often');
select is((select fired_at is not null from trading.engine_stops), true, 'its stop stays fired');
select tests.tick(93, 93.01, p_after => '1 minute');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'closed', 'when the cause is gone the position closes');

select * from finish();
rollback;
