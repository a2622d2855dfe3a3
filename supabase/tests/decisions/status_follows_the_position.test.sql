begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

update public.signals set status = 'expired' where id = tests.signal_id('one');
select is((select status from public.signals), 'in_position', 'nobody can say that a signal with an open position has expired');
select results_eq($$ select is_active, symbol, workflow_type from public.workflow_schedules $$,
  $$ values (true, 'SOLUSDT', 'position_management') $$,
  'the position is on the AI''s schedule since the commit that opened it');

select tests.tick(94.98, 95);
select tests.run_jobs();
select is((select status from public.signals), 'completed', 'its signal is completed when it closes');
select is((select closed_at is not null from public.signals), true, 'with the time');
select is((select is_active from public.workflow_schedules), false, 'and the AI''s schedule is off');

update public.signals set status = 'monitoring' where id = tests.signal_id('one');
select is((select status from public.signals), 'completed', 'and nobody can take that back either');

select * from finish();
rollback;
