begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.enter('witness', 'alpha');
select tests.act_as_user('ann');
select public.close_position(id, 1000) from public.positions where signal_id = tests.signal_id('one');
select tests.act_as_owner();
select tests.run_jobs();

select results_eq($$ select status, exit_quantity::numeric from tests.position_of('one') $$, $$ values ('closed', 0.999) $$,
  'who asks for more sells what there is');
select is((tests.position_of('witness')).quantity::numeric, 0.999, 'coins of another position on the same account are not touched');

select * from finish();
rollback;
