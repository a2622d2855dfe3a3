begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.act_as_service();
select public.close_position((tests.position_of('one')).id, 0.1, tests.signal_id('request'));
select tests.act_as_owner();
select tests.run_jobs();
select trading.prune('0 seconds');
select tests.act_as_service();

select is(public.close_position((tests.position_of('one')).id, 0.1, tests.signal_id('request')),
  jsonb_build_object('position_id', (tests.position_of('one')).id, 'status', 'open', 'job_id', null), 'an echo that comes after the job was pruned');
select tests.act_as_owner();
select is(tests.run_jobs(), '{}', 'sells nothing again');

select * from finish();
rollback;
