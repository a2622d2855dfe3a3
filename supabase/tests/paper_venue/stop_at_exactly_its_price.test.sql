begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select is(tests.tick(95, 95.01) ->> 'stops', '1', 'a bid at the stop fires it');
select tests.run_jobs();
select is((select price::numeric from public.trades where side = 'SELL'), 95::numeric, 'and it sells there');

select * from finish();
rollback;
