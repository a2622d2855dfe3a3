begin;
select plan(8);
select tests.open_desk();
select tests.hire('open');
select tests.hire('closed');
select tests.enter('one', 'open');
select tests.enter('two', 'closed');
select tests.resting_entry('resting', 1);
select tests.act_as_user('ann');
select public.close_position(id) from public.positions where trader_id = tests.trader_id('closed');
select tests.act_as_owner();
select tests.run_jobs();
create temporary table before as select * from tests.snapshot();

select tests.raises($$ delete from public.traders where name = 'open' $$, 'FB409', 'trader_has_open_positions',
  'a trader with an open position is not removed');
select tests.raises($$ delete from public.traders where name = 'resting' $$, 'FB409', 'trader_has_open_positions',
  'nor one whose entry rests');
select tests.act_as_user('ann');
select tests.raises($$ delete from public.traders $$, 'FB409', 'trader_has_open_positions',
  'not by its owner either, nor together with others');
select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing has changed');

create temporary table trades_before as select * from public.trades;
delete from public.traders where name = 'closed';
select is((select count(*) from public.traders where name = 'closed'), 0::bigint, 'one whose positions are closed is');
select results_eq($$ select status, trader_id, signal_id from public.positions where status = 'closed' $$,
  $$ values ('closed', null::uuid, null::uuid) $$,
  'its positions stay, without it');
select set_eq('select * from public.trades', 'table trades_before', 'its fills still name it');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
