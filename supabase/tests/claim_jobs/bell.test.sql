begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');
create function pg_temp.claim(p_bell text) returns jsonb language sql as $$
  select trading.claim_jobs('tests', 10, 'https://desk.example.test', repeat('desk', 8), p_bell)
$$;

select tests.raises($$ select pg_temp.claim('ding dong') $$, 'FB401', 'bell_invalid', 'a bell without a signature is refused');
select tests.raises($$ select pg_temp.claim(trading.bell_token(clock_timestamp() - interval '2 minutes')) $$, 'FB401', 'bell_invalid',
  'so is an old one');
select tests.raises($$ select pg_temp.claim('') $$, 'FB401', 'bell_invalid', 'and an empty one');
select is((select status from trading.jobs), 'queued', 'and no job is given out');
select is(jsonb_array_length(pg_temp.claim(trading.bell_token()) -> 'jobs'), 1, 'a fresh one is answered');

select * from finish();
rollback;
