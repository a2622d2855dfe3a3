begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('bad', 'alpha');
select tests.decide('good', 'alpha');
select trading.fail_job((j ->> 'id')::bigint, (j ->> 'fence')::bigint, '23514', 'a check is violated', 'the row')
from jsonb_array_elements(trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs') j;

select results_eq($$ select status, attempts, last_error ->> 'detail', lease_until from trading.jobs where signal_id = tests.signal_id('bad') $$,
  $$ values ('dead', 1, 'the row', null::timestamptz) $$, 'an error that will come again ends an entry at once');
select is((select status || ' ' || rejection_code from public.signals where id = tests.signal_id('bad')), 'rejected engine_error',
  'its signal is refused');
select is((select count(*) from public.audit_log where action = 'job_dead'), 1::bigint, 'it is audited');
select is((select count(*) from public.alerts where severity = 'critical' and user_id = tests.user_id('ann')), 1::bigint,
  'and its owner is told');
select tests.run_jobs();
select is((tests.position_of('good')).status, 'open', 'the next entry of the portfolio goes on');

select * from finish();
rollback;
