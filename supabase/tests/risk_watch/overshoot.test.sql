begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.enter('two', 'alpha', '{"entry": 100, "stopLoss": 80}');
select tests.tick(95, 95.01);
select tests.run_jobs();
select is_empty('select from public.stop_overshoots', 'a position sold at its stop has no overshoot');

select tests.tick(70, 70.01);
select tests.run_jobs();
select results_eq($$ select position_id, stop, quantity, overshoot from public.stop_overshoots $$,
  $$ select (tests.position_of('two')).id, '80', '0.999', '9.99' $$, 'one that a gap carried past it lost the ten between them for each of its coins');
select is((select detail ->> 'overshoot' from public.alerts where code = 'stop_overshoot'), (select overshoot from public.stop_overshoots),
  'by how much its owner is told');

select * from finish();
rollback;
