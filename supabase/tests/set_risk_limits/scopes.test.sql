begin;
select plan(10);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{}', null);
select tests.hire('beta', 'bob');
create temporary table before as select * from public.risk_limits;

select tests.act_as_user('ann');
select is(jsonb_strip_nulls(public.set_risk_limits('{"max_position_quote": 150, "min_confidence": "60.5"}', tests.trader_id('alpha'))
    - '{id,version,created_at,updated_at}'::text[]),
  jsonb_build_object('user_id', tests.user_id('ann'), 'trader_id', tests.trader_id('alpha'), 'max_position_quote', '150', 'min_confidence', 60.5,
    'min_position_quote', '10'), 'an owner sets the limits of a trader, and reads money as text');
select is(public.set_risk_limits('{"max_open_positions": 3}', tests.trader_id('alpha')) ->> 'max_position_quote', '150',
  'what is not named next time stays');
select is(public.set_risk_limits('{"max_exposure_quote": 900}', p_mode => 'paper') ->> 'mode', 'paper', 'and of all traders of a mode');
select is((select count(*) from public.risk_limits), 2::bigint, 'each scope has one row');

select tests.raises($$ select public.set_risk_limits('{}', p_mode => 'demo') $$, 'FB400', 'limits_scope_invalid', 'there is no such mode');
select tests.raises($$ select public.set_risk_limits('{}') $$, 'FB400', 'limits_scope_invalid', 'limits are of a trader or of a mode');
select tests.raises($$ select public.set_risk_limits('{}', tests.trader_id('beta')) $$, 'FB404', 'trader_not_found',
  'a stranger''s trader is not found');
select tests.raises($$ select public.set_risk_limits('{}', gen_random_uuid()) $$, 'FB404', 'trader_not_found', 'nor one that is not there');
select tests.act_as_owner();
select set_eq($$ select * from public.risk_limits where user_id = tests.user_id('bob') $$, 'table before',
  'and the stranger''s limits are as they were');
select is((select count(*) from public.audit_log where action = 'limits_set' and detail ->> 'by' = tests.user_id('ann')::text), 3::bigint,
  'each change is audited with who made it');

select * from finish();
rollback;
