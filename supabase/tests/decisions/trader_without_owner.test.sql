begin;
select plan(5);
select tests.open_desk();
select tests.hire('built in', null, '{"is_built_in": true}');
select tests.hire('alpha');
select tests.decide('one', 'built in');

select results_eq($$ select status, rejection_code from public.signals $$, $$ values ('rejected', 'no_owner') $$,
  'the decision of a trader without an owner is refused');
select ok((select rejection_reason from public.signals) ~ 'owner', 'in words too');
select is((select count(*) from trading.jobs) + (select count(*) from trading.portfolios), 0::bigint,
  'nothing is queued and no portfolio is made');
select set_eq($$ select action from public.audit_log where subject_type = 'signal' $$, array['decision_recorded', 'signal_rejected'],
  'both are audited');

select tests.decide('two', 'alpha');
select tests.run_jobs();
select is((tests.position_of('two')).status, 'open', 'a trader with an owner trades on');

select * from finish();
rollback;
