begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.enter('two', 'alpha', '{"entry": 100, "stopLoss": 80}');
select tests.enter('three', 'alpha', '{"entry": 100, "stopLoss": 90}');
select tests.tick(95, 95.01);
select tests.run_jobs();
select is_empty('select from public.stop_overshoots', 'a position sold at its stop has no overshoot');

select tests.tick(89.55, 89.56);
select tests.run_jobs();
select results_eq('select position_id, overshoot from public.stop_overshoots', $$ select (tests.position_of('three')).id, '0.44955' $$,
  'one that sold half a percent below it has one');
select is_empty($$ select from public.alerts where code = 'stop_overshoot' $$, 'which is what stops cost: nobody is told');

select tests.tick(70, 70.01);
select tests.run_jobs();
select results_eq($$ select position_id, stop, quantity, overshoot from public.stop_overshoots where position_id <> (tests.position_of('three')).id $$,
  $$ select (tests.position_of('two')).id, '80', '0.999', '9.99' $$, 'one that a gap carried past it lost the ten between them for each of its coins');
select is((select detail ->> 'overshoot' from public.alerts where code = 'stop_overshoot'), (select overshoot from public.stop_overshoots where stop = '80'),
  'by how much its owner is told');

select * from finish();
rollback;
