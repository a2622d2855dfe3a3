begin;
select plan(30);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta', 'bob');
select tests.hire('built in', null, '{"is_built_in": true}');
select tests.create_user('eve');
select tests.create_user('otto');
select tests.make_operator('otto');
select tests.create_user('claire', '{"fillbase_operator": true}');
select tests.create_user('max', '{"fillbase_operator": false, "role": "operator"}');

-- Nothing half done: a refusal leaves every table as it was.
create temporary table before as select * from tests.snapshot();

select is(tests.stop('anon', 'user'), '42501 permission denied for function stop_trading', 'without a name nothing is stopped');
select is(tests.stop('eve', 'trader', tests.trader_id('alpha')), 'FB404 trader_not_found', 'a stranger does not stop a trader');
select is(tests.stop('eve', 'trader', gen_random_uuid()), 'FB404 trader_not_found', 'and learns nothing about which there are');
select is(tests.stop('eve', 'user', tests.user_id('ann')), 'FB404 user_not_found', 'nor a user');
select is(tests.stop('eve', 'everyone'), 'FB403 operators_only', 'nor everyone');
select is(tests.stop('ann', 'everyone'), 'FB403 operators_only', 'nor does a user with traders');
select is(tests.stop('max', 'everyone'), 'FB403 operators_only', 'a claim that only looks like it makes no operator');
select is(tests.stop('ann', 'trader', tests.trader_id('built in')), 'FB404 trader_not_found', 'a built-in trader is nobody''s');
select is(tests.stop('otto', 'user', gen_random_uuid()), 'FB404 user_not_found', 'an operator does not stop who is not there');
select is(tests.stop('ann', 'planet'), 'FB400 scope_invalid', 'a scope is one of three');
select is(tests.stop('ann', null), 'FB400 scope_invalid', 'and named');
select is(tests.stop('ann', 'trader'), 'FB400 scope_invalid', 'a trader is named by its id');
select is(tests.stop('service', 'user'), 'FB400 scope_invalid', 'and so is a user by whoever is none');
select is(tests.stop('otto', 'everyone', tests.user_id('ann')), 'FB400 scope_invalid', 'everyone has no id');
select is(tests.stop('ann', 'user', null, 'panic'), 'FB400 mode_invalid', 'a mode is one of two');
select is(tests.stop('ann', 'user', null, null), 'FB400 mode_invalid', 'and named');
select is(tests.answer_to('ann', $$ select public.stop_trading('user') $$), 'FB400 reason_invalid', 'a stop has a reason');
select is(tests.answer_to('ann', $$ select public.stop_trading('user', p_reason => E' \n') $$), 'FB400 reason_invalid', 'with words');
select is(tests.answer_to('ann', $$ select public.stop_trading('user', p_reason => repeat('x', 501)) $$), 'FB400 reason_invalid', 'but not a book');
select is(tests.answer_to('ann', $$ select public.stop_trading('user', p_reason => 'x', p_request_id => null) $$), 'FB400 request_id_missing',
  'a request id is not null');
select is(tests.answer_to('eve', $$ insert into trading.operators (user_id) values (auth.uid()) $$), '42501 permission denied for schema trading',
  'nobody makes an operator of themselves');
select set_eq('select * from tests.snapshot()', 'table before', 'none of these changed a row');

select is(tests.stop('ann', 'trader', tests.trader_id('alpha'), p_request => '1'), 'trader', 'a user stops an own trader');
select is(tests.stop('ann', 'user', p_request => '2'), 'user', 'and all of them');
select is(tests.stop('eve', 'user', p_request => '3'), 'user', 'also without traders yet');
select is(tests.stop('otto', 'user', tests.user_id('bob'), p_request => '4'), 'user', 'an operator stops any user');
select is(tests.stop('service', 'trader', tests.trader_id('beta'), p_request => '5'), 'trader', 'the service role too: to stop is the safe side');
select is(tests.stop('otto', 'everyone', p_request => '6'), 'everyone', 'an operator stops everyone');
select tests.resume('otto', 'everyone');
select is(tests.stop('claire', 'everyone', p_request => '7'), 'everyone', 'and so does one by the claim in the token');
select is((select string_agg(s.scope || ' ' || s.state || ' ' || s.needs_operator, ', ' order by s.scope, s.needs_operator) from trading.trading_states s),
  'account halted false, account halted true, system halted true, user halted false, user halted false, user halted true',
  'each stop is one state, and says whether its owner may take it back');

select * from finish();
rollback;
