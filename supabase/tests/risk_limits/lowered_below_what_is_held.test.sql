begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create temporary table before as select * from public.positions;
select tests.limit_trader('alpha', '{"max_exposure_quote": 50, "max_position_quote": 40}');

select is(tests.run_jobs(), '{}', 'limits below what is held sell nothing');
select set_eq('select * from public.positions', 'table before', 'the position is as it was');
select tests.enter('two', 'alpha');
select is(tests.rejection('two'), 'max_position', 'and nothing new is entered');
select is((select array_agg(r ->> 'code') from trading.risk_checks, jsonb_array_elements(rules) r where not passed and not (r ->> 'passed')::boolean),
  '{max_position,max_exposure}', 'by each rule that is passed');

select * from finish();
rollback;
