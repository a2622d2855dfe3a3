begin;
select plan(15);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 200}');
select tests.hire('stranger', 'bob');
select tests.make_operator('otto');
select tests.limit_all('ann', '{"max_daily_loss_quote": 20, "max_position_quote": 1000}');
select tests.enter('one', 'alpha', '{"stopLoss": 91}');
create temporary table ids as select trading.portfolio_id(tests.user_id('ann'), 'paper') as paper;
grant select on ids to public;
select tests.tick(90, 90.01);
select trading.watch_losses();
select is(tests.states(), 'portfolio reducing', 'the limit of all paper traders is reached');

select results_eq($$ select v.* from ids, lateral (select tests.answer_to('ann', format($q$
    select concat_ws(' ', scope, mode, state, reason, portfolio_id = %L, user_id is not null) from public.trading_states where state <> 'active' $q$, ids.paper))) v $$,
  $$ values ('portfolio paper reducing daily_loss t t') $$, 'its owner sees which mode is reducing, why, and by which id it is resumed');
select is(tests.answer_to('bob', $$ select count(*) from public.trading_states where state <> 'active' $$), '0', 'nobody else sees it');
select is(tests.answer_to('otto', $$ select count(*) from public.trading_states where state <> 'active' $$), '1', 'but operators');

-- The user's own state is another one.
select tests.stop('ann', 'user');
select is(tests.answer_to('ann', $$ select concat_ws(' ', r ->> 'was', r ->> 'state', r #>> '{stopped_portfolios,0,mode}', r #>> '{stopped_portfolios,0,reason}')
  from public.resume_trading('user', null, 'a test') r $$), 'halted active paper daily_loss', 'a stop of the user is resumed without force, and the answer names what stands yet');
select is(tests.answer_to('ann', $$ select jsonb_array_length(public.resume_trading('user', null, 'a test') -> 'stopped_portfolios') $$), '1', 'also where the user was active');
select is(tests.states(), 'portfolio reducing', 'it stands');

select is(tests.resume('bob', 'portfolio', (select paper from ids), true), 'FB404 portfolio_not_found', 'a stranger does not resume it');
select is(tests.resume('ann', 'portfolio', trading.portfolio_id(tests.user_id('ann'), 'live')), 'FB404 portfolio_not_found', 'what was never traded in is not there');
select is(tests.resume('ann', 'portfolio'), 'FB400 scope_invalid', 'a portfolio is named');
select is(tests.resume('ann', 'portfolio', (select paper from ids)), 'FB409 cause_stands', 'while the loss stands force is needed');
select is(tests.answer_to('ann', format($$ select concat_ws(' ', r ->> 'was', r ->> 'state', r -> 'stopped_portfolios')
  from public.resume_trading('portfolio', %L, 'the loss is known', true) r $$, (select paper from ids))), 'reducing active []', 'with it the owner resumes');
select is((select detail ->> 'overridden_cause' from public.audit_log where action = 'trading_resumed' and subject_type = 'portfolio'), 'daily_loss',
  'which the audit says');
select is(tests.answer_to('otto', format($$ select public.pause_trading('portfolio', %L, 'a look') ->> 'state' $$, (select paper from ids))), 'reducing',
  'an operator pauses it');
select is(tests.resume('ann', 'portfolio', (select paper from ids), true), 'FB403 operators_only', 'which the owner does not undo');

select * from finish();
rollback;
