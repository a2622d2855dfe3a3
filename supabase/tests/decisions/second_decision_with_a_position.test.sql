begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create temporary table before as select * from tests.snapshot('signals', 'signal_analyses', 'jobs', 'audit_log', 'portfolios');

select tests.decide('one', 'alpha', '{"entry": 100, "stopLoss": 90}');
select is(tests.run_jobs(), array['enter ignored signal_has_position'], 'a second decision on a signal with a position is ignored');
select is((select count(*) from public.audit_log where action = 'decision_ignored' and detail ->> 'code' = 'signal_has_position'), 1::bigint,
  'and audited');
select is((select status from public.signals), 'in_position', 'the signal stays in position');

select tests.decide('one', 'alpha', p_decision => 'bad_setup');
select is((select status from public.signals), 'in_position', 'whatever the AI thinks of it now');
select set_eq($$ select * from tests.snapshot('signals', 'signal_analyses', 'jobs', 'audit_log', 'portfolios') $$, 'table before',
  'no position, order or balance changed');

select tests.tick(94.98, 95);
select tests.run_jobs();
select tests.decide('one', 'alpha');
select is(tests.run_jobs(), array['enter ignored signal_has_position'], 'a decision on a signal whose position is closed is ignored too');
select is((select status from public.signals), 'completed', 'the signal stays completed');

select * from finish();
rollback;
