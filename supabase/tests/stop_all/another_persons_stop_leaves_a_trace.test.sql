begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.create_user('op');
select tests.make_operator('op');
select tests.stop('ann', 'user', p_request => 'mine');
select is_empty($$ select 1 from public.audit_log where action = 'stop_repeated' $$, 'one stop is nobody''s repetition');
select is(tests.answer_to('op', format($$ select public.stop_trading('user', %L, 'halt', 'fraud') ->> 'requested_by' $$, tests.user_id('ann'))),
  'user:' || tests.user_id('ann'), 'an operator''s stop of the same scope is the same stop');
select results_eq($$ select user_id, detail from public.audit_log where action = 'stop_repeated' $$,
  $$ values (tests.user_id('ann'), jsonb_build_object('by', 'user:' || tests.user_id('op'), 'mode', 'halt', 'reason', 'fraud')) $$,
  'but who asked for it and why is written down');
select tests.stop('ann', 'user', null, 'halt_and_flatten', 'again');
select is((select detail - 'by' from public.audit_log where action = 'stop_escalated'), '{"mode": "halt_and_flatten", "reason": "a test"}',
  'and why somebody made it stricter');

select * from finish();
rollback;
