begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
insert into public.signals (id, trader_id, symbol) select tests.signal_id(n), tests.trader_id('alpha'), 'SOLUSDT' from unnest('{one,two}'::text[]) n;

insert into public.signal_analyses (signal_id, trader_id, decision, confidence, key_levels, created_at)
select tests.signal_id(v.signal), tests.trader_id('alpha'), v.decision, v.confidence, v.levels::jsonb, trading.engine_now() - v.age::interval
from (values ('one', 'enter_trade', 90, '{"stopLoss": 90}', '2 s'), ('one', 'enter_trade', 80, '{"stopLoss": 95}', '1 s'), ('one', 'wait', 70, null, '3 s'),
             ('two', 'enter_trade', 60, '{"stopLoss": 95}', '2 s'), ('two', 'wait', 50, null, '1 s')) v (signal, decision, confidence, levels, age);

select results_eq($$ select decision, confidence, levels, decided_at from public.signals where id = tests.signal_id('one') $$,
  $$ values ('enter_trade', 80::numeric, '{"stopLoss": 95}'::jsonb, trading.engine_now() - interval '1 second') $$,
  'of several analyses in one statement the newest speaks, at its own time');
select results_eq($$ select decision, status from public.signals where id = tests.signal_id('two') $$, $$ values ('wait', 'monitoring') $$,
  'also when it takes back what an older one said');
select results_eq($$ select signal_id from trading.jobs $$, $$ values (tests.signal_id('one')) $$,
  'and one entry is queued, not one per analysis');

select * from finish();
rollback;
