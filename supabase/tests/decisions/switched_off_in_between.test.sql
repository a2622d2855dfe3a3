begin;
select plan(2);
select tests.open_desk();
select tests.hire('disabled');
select tests.hire('by hand');
select tests.decide('one', 'disabled');
select tests.decide('two', 'by hand');
update public.traders set enabled = false where name = 'disabled';
update public.traders set auto_execute_trades = false where name = 'by hand';

select is(tests.run_jobs(), array['enter denied trader_disabled', 'enter denied auto_execute_off'],
  'what counts is the trader as it is when the decision is executed');
select is((select count(*) from public.positions) + (select count(*) from trading.reservations), 0::bigint,
  'nothing is bought and nothing reserved');

select * from finish();
rollback;
