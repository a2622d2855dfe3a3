begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
insert into public.signals (id, trader_id, symbol) values (tests.signal_id('one'), tests.trader_id('alpha'), 'SOLUSDT');
insert into public.signals (id, trader_id, symbol) values (tests.signal_id('witness'), tests.trader_id('alpha'), 'SOLUSDT');

insert into public.signal_analyses (id, signal_id, trader_id, decision, confidence, key_levels, created_at)
values ('00000000-0000-0000-0000-0000000000a1', tests.signal_id('one'), tests.trader_id('alpha'), 'enter_trade', 71.5, '{"stopLoss": 95}', trading.engine_now());

select results_eq(
  $$ select decision, decision_id, confidence, levels, decided_at, status, decision_count from public.signals where id = tests.signal_id('one') $$,
  $$ values ('enter_trade', '00000000-0000-0000-0000-0000000000a1'::uuid, 71.5, '{"stopLoss": 95}'::jsonb, trading.engine_now(), 'ready', 1) $$,
  'an analysis carries its decision, confidence and levels onto the signal, under its own id');
select results_eq(
  $$ select kind, key, signal_id, status, is_paper, due_at, payload from trading.jobs $$,
  $$ values ('enter', 'enter:' || tests.signal_id('one') || ':00000000-0000-0000-0000-0000000000a1', tests.signal_id('one'), 'queued', true,
             trading.engine_now(), '{"decision_id": "00000000-0000-0000-0000-0000000000a1"}'::jsonb) $$,
  'and queues one entry in the same transaction');
select is((select count(*) from public.audit_log where action = 'decision_recorded' and subject_id = tests.signal_id('one')::text), 1::bigint,
  'the decision is audited');
select is((select count(*) from trading.accounts), 0::bigint, 'queueing opens and locks no account');
select results_eq($$ select status, decision from public.signals where id = tests.signal_id('witness') $$, $$ values ('new', null::text) $$,
  'another signal of the trader is left alone');

select * from finish();
rollback;
