begin;
select plan(24);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta', 'bob');
select tests.create_user('eve');
select tests.create_user('otto');
select tests.make_operator('otto');

select is(tests.resume('ann', 'user'), 'active active', 'what is active stays active');
select is((select count(*) from public.audit_log where action = 'trading_resumed'), 0::bigint, 'and nothing was done');

select tests.stop('ann', 'trader', tests.trader_id('alpha'), p_request => '1');
select is(tests.resume('eve', 'trader', tests.trader_id('alpha')), 'FB404 trader_not_found', 'a stranger does not resume a trader');
select is(tests.resume('bob', 'user', tests.user_id('ann')), 'FB404 user_not_found', 'nor a user another');
select is(tests.resume('ann', 'everyone'), 'FB403 operators_only', 'nor a user everyone');
select is(tests.resume('service', 'trader', tests.trader_id('alpha')), 'FB403 resume_by_hand', 'nor a program anybody');
select is(tests.resume('anon', 'everyone'), '42501 permission denied for function resume_trading', 'nor somebody without a name');
select is(tests.answer_to('ann', $$ select public.resume_trading('user') $$), 'FB400 reason_invalid', 'a reason is given');
select is(tests.states(), 'account halted', 'the halt stands');
select is(tests.resume('ann', 'user'), 'active active', 'the user''s own state is another one');
select is(tests.states(), 'account halted', 'and resuming it does not touch the trader''s');
select is(tests.resume('ann', 'trader', tests.trader_id('alpha')), 'halted active', 'the owner resumes');
select is(tests.states(), 'active', 'and trading is active');
select is((select concat_ws(' ', user_id = tests.user_id('ann'), detail ->> 'reason', detail ->> 'from', detail ->> 'by' = 'user:' || tests.user_id('ann'))
  from public.audit_log where action = 'trading_resumed'), 't a test halted t', 'by whom and why is audited');
select is((select epoch from trading.trading_states where scope = 'account'), 1::bigint, 'the epoch stays as the halt raised it');

-- What an operator stopped.
select tests.stop('otto', 'user', tests.user_id('ann'), p_request => '2');
select is(tests.resume('ann', 'user'), 'FB403 operators_only', 'a user does not undo an operator''s stop');
select is(tests.resume('ann', 'user', null, true), 'FB403 operators_only', 'not by force either');
select is(tests.resume('otto', 'user', tests.user_id('ann')), 'halted active', 'an operator does');
select tests.stop('ann', 'user', p_request => '3');
select tests.stop('otto', 'user', tests.user_id('ann'), p_request => '4');
select is(tests.resume('ann', 'user'), 'FB403 operators_only', 'nor where the operator''s came on top of the own');
select is(tests.answer_to('owner', format($$ select public.resume_trading('user', %L, 'at the console') ->> 'was' $$, tests.user_id('ann'))), 'halted',
  'the database owner resumes where the API is down');
select tests.stop('ann', 'user', p_request => '5');
select is(tests.resume('ann', 'user'), 'halted active', 'the next stop is the user''s own again');

-- Decisions of the time of the halt.
select tests.stop('bob', 'user', p_request => '6');
select tests.run_jobs();
select tests.decide('stale', 'beta');
select tests.resume('bob', 'user');
select is(tests.run_jobs(), '{}', 'what was decided during a halt does not come to life when it ends');
select is((select rejection_code from public.signals where id = tests.signal_id('stale')), 'trading_not_active', 'it is rejected');
select tests.enter('fresh', 'beta');
select is((tests.position_of('fresh')).status, 'open', 'a later decision is executed');

select * from finish();
rollback;
