begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta', 'bob');
select tests.hire('built in', null, '{"is_built_in": true}');
select tests.decide('one', 'alpha');
select tests.decide('two', 'beta');
create temporary table witness as select * from public.traders where name <> 'alpha';

select tests.act_as_user('ann');
select set_eq('select name from public.traders', array['alpha', 'built in'], 'a user sees the own traders and the built-in ones');
select set_eq('select id from public.signals', array[tests.signal_id('one')], 'and the own signals');
select set_eq('select signal_id from public.signal_analyses', array[tests.signal_id('one')], 'and what the AI said of them');
select tests.touches_rows($$ update public.traders set name = 'renamed' $$, 1,
  'a user changes the own traders and no other, not even a built-in one');
select tests.touches_rows($$ delete from public.traders where name <> 'renamed' $$, 0, 'and removes no other');
select throws_ok($$ update public.traders set user_id = tests.user_id('bob') $$, '42501', null, 'a trader is not given to somebody else');
select throws_ok($$ update public.traders set is_built_in = true $$, '42501', null, 'nor made a built-in one');
select throws_ok($$ insert into public.traders (user_id, name) values (tests.user_id('bob'), 'forged') $$, '42501', null,
  'nor made in another''s name');
select throws_ok($$ insert into public.signals (trader_id, symbol, decision) select id, 'SOLUSDT', 'enter_trade' from public.traders limit 1 $$, '42501', null,
  'a user decides nothing in the AI''s name');
select throws_ok($$ update public.signals set decision = 'enter_trade' $$, '42501', null, 'nor changes what it decided');
select throws_ok($$ delete from public.workflow_schedules $$, '42501', null, 'nor its schedule');
select tests.act_as_anon();
select throws_ok($$ select from public.traders $$, '42501', null, 'without a name there are no traders to see');
select results_eq($$ select count(*) from public.market_prices $$, $$ values (1::bigint) $$, 'but prices are everybody''s');

select tests.act_as_owner();
select set_eq($$ select * from public.traders where name <> 'renamed' $$, 'table witness', 'the traders of others are as they were');

select * from finish();
rollback;
