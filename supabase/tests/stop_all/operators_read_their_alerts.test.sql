begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.create_user('otto');
select tests.make_operator('otto');
select tests.stop('ann', 'user');
select tests.run_jobs();

select is(tests.answer_to('otto', $$ select string_agg(code || ' ' || (user_id is null), ', ') from public.alerts $$), 'emergency_stop true',
  'an operator reads the alerts of the installation, not those of users');
select is(tests.answer_to('ann', $$ select string_agg(code || ' ' || (user_id = auth.uid()), ', ') from public.alerts $$), 'emergency_stop true',
  'a user the own ones');
select is(tests.answer_to('otto', 'select count(*) from public.stop_progress'), '1', 'an operator reads every stop');
select is(tests.answer_to('otto', $$ select string_agg(scope || ' ' || state, ', ') from public.trading_states where state <> 'active' $$), 'user halted',
  'and every state');

select * from finish();
rollback;
