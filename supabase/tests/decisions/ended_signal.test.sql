begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha', p_decision => 'bad_setup');
select tests.decide('one', 'alpha');

select is(tests.run_jobs(), array['enter ignored signal_ended'], 'a decision on a signal that has expired is ignored');
select is((select count(*) from public.audit_log where action = 'decision_ignored' and detail ->> 'code' = 'signal_ended'), 1::bigint,
  'and audited');
select results_eq($$ select s.status, (select count(*) from public.positions) from public.signals s $$, $$ values ('expired', 0::bigint) $$,
  'the signal stays expired, and nothing is bought');

select * from finish();
rollback;
