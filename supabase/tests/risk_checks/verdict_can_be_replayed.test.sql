begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('good', 'alpha', '{"entry": 100, "stopLoss": 95, "takeProfit": [110, 120]}');
select tests.decide('bad', 'alpha', '{"entry": 100, "stopLoss": "NaN"}');
select tests.run_jobs();

select results_eq($$ select passed, code from trading.risk_checks order by passed $$, $$ values (false, 'levels_invalid'), (true, null) $$,
  'each verdict is stored, passed or not');
select is_empty(
  $$ select c.id from trading.risk_checks c where jsonb_array_length(c.rules) <> (select count(*) from trading.evaluate_entry('{}')) $$,
  'with every rule');
select is_empty(
  $$ (select c.id, r ->> 'rule', r ->> 'passed', r ->> 'observed', r ->> 'limit' from trading.risk_checks c, jsonb_array_elements(c.rules) r)
     except (select c.id, e.rule, e.passed::text, e.observed, e.limit_value from trading.risk_checks c, trading.evaluate_entry(c.facts) e) $$,
  'the stored facts give the same rules again');
select results_eq($$ select action, detail ->> 'code' from public.audit_log where action like 'risk_%' order by 1 $$,
  $$ values ('risk_denied', 'levels_invalid'), ('risk_passed', null) $$, 'and each verdict is audited');

select * from finish();
rollback;
