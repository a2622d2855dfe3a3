begin;
select plan(9);
select tests.open_desk();
select tests.create_user('ann');
select tests.create_user('bob');
select tests.act_as_user('ann');
insert into public.traders (id, user_id, name, auto_execute_trades) values (tests.trader_id('first'), tests.user_id('ann'), 'first', true);
insert into public.traders (id, user_id, name, auto_execute_trades) values (tests.trader_id('second'), tests.user_id('ann'), 'second', true);

select results_eq($$ select trader_id, max_position_quote::numeric, max_exposure_quote::numeric, max_daily_loss_quote::numeric, version from public.risk_limits $$,
  $$ values (tests.trader_id('first'), 100::numeric, 500::numeric, 50::numeric, 1) $$,
  'a user''s first trader has conservative limits, a further one waits for its own');
select is(public.adopt_default_limits(tests.trader_id('second')) ->> 'max_daily_loss_quote', '50', 'the same may be adopted for it');
select public.set_risk_limits('{"max_position_quote": 70}', tests.trader_id('second'));
select is(public.adopt_default_limits(tests.trader_id('second')) ->> 'max_position_quote', '70', 'limits that are there stay');
select tests.act_as_user('bob');
select tests.raises($$ select public.adopt_default_limits(tests.trader_id('second')) $$, 'FB404', 'trader_not_found', 'a stranger cannot');
select tests.act_as_owner();

select tests.hire('built in', null, '{"is_built_in": true}');
select is_empty($$ select from public.risk_limits where trader_id = tests.trader_id('built in') $$, 'a trader without an owner has no limits');
select is((select count(*) from public.audit_log where action = 'limits_set'), 3::bigint, 'and every setting is audited');

update public.traders set max_slippage_percent = 0;
select tests.enter('one', 'first');
select is((tests.position_of('one')).status, 'open', 'so a first trader can trade at once');
update public.traders set sizing_value = 101 where name = 'first';
select tests.enter('two', 'first');
select is(tests.rejection('two'), 'max_position', 'within its limits');
delete from public.risk_limits where trader_id = tests.trader_id('second');
select tests.enter('three', 'second');
select is(tests.rejection('three'), 'no_risk_limits', 'a trader without limits cannot');

select * from finish();
rollback;
