begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');
update public.traders set paper_trade_mode = false;
select is(tests.run_jobs(), array['enter denied trader_changed'], 'a decision made on paper is not executed live');
select results_eq($$ select status, rejection_code from public.signals $$, $$ values ('rejected', 'trader_changed') $$,
  'its signal is refused with a code');
select is((select count(*) from public.positions), 0::bigint, 'nothing is bought');

update public.traders set paper_trade_mode = true;
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later decision in the right mode is executed');

select * from finish();
rollback;
