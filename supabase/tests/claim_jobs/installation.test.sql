begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');
create function pg_temp.claim(p_url text, p_secret text) returns jsonb language sql as $$ select trading.claim_jobs('tests', 10, p_url, p_secret) $$;

select tests.raises($$ select pg_temp.claim('https://copy.example.test', repeat('desk', 8)) $$, 'FB423', 'installation_not_armed',
  'a copy of the project under another address gets no job');
select tests.raises($$ select pg_temp.claim('https://desk.example.test', repeat('copy', 8)) $$, 'FB423', 'installation_not_armed',
  'nor does one without the secret');
select tests.raises($$ select pg_temp.claim('https://desk.example.test', null) $$, 'FB423', 'installation_not_armed', 'nor one with none');
update trading.settings set armed_at = null, armed_by = null, installation_url = null, installation_secret_sha256 = null;
select tests.raises($$ select pg_temp.claim('https://desk.example.test', repeat('desk', 8)) $$, 'FB423', 'installation_not_armed',
  'an engine that nobody armed gives out no job');
select is((select status || attempts from trading.jobs), 'queued0', 'the job waits untouched');

select tests.raises($$ select trading.arm_installation('desk.example.test', repeat('desk', 8), 'ann') $$, 'FB400', 'installation_invalid',
  'arming needs an address');
select tests.raises($$ select trading.arm_installation('https://desk.example.test', 'short', 'ann') $$, 'FB400', 'installation_invalid',
  'a long secret');
select tests.raises($$ select trading.arm_installation('https://desk.example.test', repeat('desk', 8), '') $$, 'FB400',
  'installation_invalid',
  'and a name');
select trading.arm_installation('https://desk.example.test/', repeat('desk', 8), 'ann');
select is(jsonb_array_length(pg_temp.claim('https://desk.example.test', repeat('desk', 8)) -> 'jobs'), 1,
  'armed again, with or without a slash, it gives out its jobs');

select * from finish();
rollback;
