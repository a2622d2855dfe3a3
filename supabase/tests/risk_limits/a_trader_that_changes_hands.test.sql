begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta', 'bob');
update public.traders set user_id = tests.user_id('bob') where name = 'alpha';
select tests.enter('one', 'alpha');
select is(tests.rejection('one'), 'no_risk_limits', 'limits that somebody else set are none');
select tests.act_as_user('bob');
select is(public.set_risk_limits('{"max_position_quote": 120}', tests.trader_id('alpha')) ->> 'user_id', tests.user_id('bob')::text,
  'the new owner sets the trader''s limits');
select tests.act_as_owner();
select is((select count(*) from public.risk_limits where trader_id = tests.trader_id('alpha')), 1::bigint, 'they take the place of the old ones');
select is((select user_id from trading.risk_limit_versions where trader_id = tests.trader_id('alpha') and version = 2), tests.user_id('bob'),
  'as a further version');
select tests.enter('two', 'alpha');
select is((tests.position_of('two')).status, 'open', 'and it trades again');

select * from finish();
rollback;
