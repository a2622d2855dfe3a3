begin;
select plan(3);
select tests.open_desk();
select tests.list_symbol('ADAUSDT');
select tests.tick(99.99, 100, p_symbol => 'ADAUSDT');
select tests.hire('alpha');
select tests.enter('sol', 'alpha');
select tests.decide('ada', 'alpha', p_symbol => 'ADAUSDT');
select tests.run_jobs();
select is((select count(*) from trading.engine_stops), 2::bigint, 'two positions have a stop at 95');
select is(tests.tick(90, 90.01, p_symbol => 'ADAUSDT') ->> 'stops', '1', 'a crash of one symbol fires the stop of that one');
select tests.run_jobs();
select results_eq($$ select (tests.position_of('ada')).status, (tests.position_of('sol')).status $$, $$ values ('closed', 'open') $$,
  'and closes that one');

select * from finish();
rollback;
