begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');

-- Written to the signal itself: signal_analyses.confidence could not even hold some of these.
insert into public.signals (id, trader_id, symbol, decision, confidence, levels)
select tests.signal_id(c::text), tests.trader_id('alpha'), 'SOLUSDT', 'enter_trade', c, '{"entry": 100, "stopLoss": 95}'
from unnest('{NaN,Infinity,-Infinity,-1,100.01,1e30}'::numeric[]) c;
select tests.run_jobs();

select results_eq($$ select rejection_code, count(*) from public.signals group by 1 $$, $$ values ('confidence_invalid', 6::bigint) $$,
  'a confidence that is not a number from 0 to 100 is refused');
select is((select count(*) from public.positions), 0::bigint, 'and nothing is bought');
select is((select count(*) from trading.risk_checks where not passed), 6::bigint, 'each refusal is a stored verdict');

select tests.decide('NaN', 'alpha', p_confidence => 100);
select tests.run_jobs();
select is((tests.position_of('NaN')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
