begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

select is(tests.tick(97, 97.01, '{"low": 94}') ->> 'stops', '1',
  'a trade below the stop since the last quote fires it, though the bid is back above');
select tests.run_jobs();
select is((select price::numeric from public.trades where side = 'SELL'), 95::numeric,
  'it sells at its trigger: not at the better price of afterwards');
select is((tests.position_of('one')).status, 'closed', 'the position is closed');

select * from finish();
rollback;
