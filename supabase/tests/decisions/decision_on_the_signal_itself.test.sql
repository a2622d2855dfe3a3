begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');

insert into public.signals (id, trader_id, symbol, decision, confidence, levels)
values (tests.signal_id('one'), tests.trader_id('alpha'), 'SOLUSDT', 'enter_trade', 80, '{"stopLoss": 95}');
select results_eq($$ select status, decision_count, decided_at, decision_id is not null from public.signals $$,
  $$ values ('ready', 1, trading.engine_now(), true) $$, 'a signal written with a decision is a decision');
update public.signals set indicator_data = '{"rsi": 30}', symbol = symbol, decision = decision;
select is((select count(*) from trading.jobs), 1::bigint, 'writing the same decision again is none');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'it is executed');

insert into public.signals (id, trader_id, symbol) values (tests.signal_id('two'), tests.trader_id('alpha'), 'SOLUSDT');
update public.signals set decision = 'wait' where id = tests.signal_id('two');
update public.signals set decision = 'enter_trade', levels = '{"stopLoss": 95}' where id = tests.signal_id('two');
select is((select decision_count from public.signals where id = tests.signal_id('two')), 2, 'each change of the decision is a new one');
select tests.run_jobs();
select is((tests.position_of('two')).status, 'open', 'and the last of them is executed');

select * from finish();
rollback;
