begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');
delete from public.signals;

select is(tests.run_jobs(), array['enter ignored signal_gone'], 'the entry of a signal that was removed is ignored');
select is((select count(*) from public.positions), 0::bigint, 'nothing is bought');

select * from finish();
rollback;
