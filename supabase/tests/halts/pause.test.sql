begin;
select plan(15);
select tests.open_desk();
select tests.hire('alpha');
select tests.create_user('eve');
select tests.create_user('otto');
select tests.make_operator('otto');
create function pg_temp.pause(p_who text, p_scope text, p_id uuid default null, p_reason text default 'a test') returns text language sql as $$
  select tests.answer_to(p_who, format('select public.pause_trading(%L, %L, %L) ->> ''state''', p_scope, p_id, p_reason))
$$;
select tests.enter('held', 'alpha');
select tests.resting_entry('resting', 1);

select is(pg_temp.pause('eve', 'user', tests.user_id('ann')), 'FB404 user_not_found', 'nobody pauses another');
select is(pg_temp.pause('ann', 'everyone'), 'FB403 operators_only', 'nor everyone');
select is(pg_temp.pause('ann', 'user', null, ''), 'FB400 reason_invalid', 'a pause has a reason');
select is(tests.states(), 'active', 'nothing is paused');

select is(pg_temp.pause('ann', 'user'), 'reducing', 'a user pauses the own traders');
select is(tests.run_jobs(), '{"halt done","cancel cancelled","halt done"}', 'the entry in flight is cancelled, nothing is closed');
select is((tests.order_of('held', 'stop_loss')).state, 'working', 'the stop of what is held rests');
select tests.decide('later', 'alpha');
select is(tests.run_jobs(), '{"enter denied trading_not_active"}', 'no entry passes');
select is(tests.answer_to('ann', format('select public.close_position(%L) ->> ''status''', (tests.position_of('held')).id)), 'open', 'a close by hand');
select is(tests.run_jobs(), '{"exit filled"}', 'goes on');
select results_eq($$ select tests.answer_to('ann', 'select concat_ws('' '', scope, state, reason, needs_operator) from public.trading_states where state <> ''active''') $$,
  $$ values ('user reducing a test f') $$, 'the user sees the state, why and whose it is');
select is((select count(*) from trading.stop_requests) + (select count(*) from public.alerts where severity = 'emergency'), 0::bigint, 'a pause is no emergency');
select is(tests.resume('ann', 'user'), 'reducing active', 'and is ended by hand');

select pg_temp.pause('ann', 'user');
select is(pg_temp.pause('otto', 'user', tests.user_id('ann'), 'for an audit'), 'reducing', 'a pause by another person changes no state');
select results_eq($$ select detail ->> 'reason', subject_id from public.audit_log where action = 'pause_repeated' $$,
  $$ values ('for an audit', tests.user_id('ann')::text) $$, 'and is audited with its reason');

select * from finish();
rollback;
