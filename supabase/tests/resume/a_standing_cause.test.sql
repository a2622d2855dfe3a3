begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
create temporary table cause (code text, asked text);
grant all on cause to public;
create or replace function trading.standing_cause(p_user_id uuid, p_scope_id uuid, p_now timestamptz) returns text
language sql set search_path = '' as $$
  update pg_temp.cause set asked = concat_ws(' ', p_user_id = tests.user_id('ann'), p_scope_id = trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')))
  returning code
$$;
insert into cause (code) values ('daily_loss');
select trading.set_trading_state('account', trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')), 'reducing', false, 'daily_loss', 'rule:daily_loss',
  trading.engine_now());

select is(tests.resume('ann', 'trader', tests.trader_id('alpha')), 'FB409 cause_stands', 'a resume is refused while the cause stands');
select is(tests.states(), 'account reducing', 'the state stays');
select is(tests.answer_to('ann', format($$ select public.resume_trading('trader', %L, '', true) $$, tests.trader_id('alpha'))), 'FB400 reason_invalid',
  'force needs a reason');
select is(tests.resume('ann', 'trader', tests.trader_id('alpha'), true), 'reducing active', 'with force and a reason it is given');
select is((select asked from cause), 't t', 'the trader''s own account was asked about');
select is((select detail ->> 'overridden_cause' from public.audit_log where action = 'trading_resumed'), 'daily_loss', 'and the audit says what was overridden');

select tests.stop('ann', 'user');
update cause set code = null;
select is(tests.resume('ann', 'user'), 'halted active', 'without a cause no force is needed');

select * from finish();
rollback;
