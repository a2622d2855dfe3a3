begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
update trading.trading_states set state = 'halted', epoch = epoch + 1;
select trading.set_clock(trading.engine_now() + interval '1 hour');  -- the price is stale, too

select tests.enter('two', 'alpha');
select is((select count(*) from public.positions), 1::bigint, 'a halt lets no entry pass');
select tests.act_as_user('ann');
select public.close_position(id) from public.positions;
select tests.act_as_owner();
select is(tests.run_jobs(), array['exit filled'], 'an exit passes every halt');
select is((tests.position_of('one')).status, 'closed', 'and closes the position, even at an old price');
select is((select status || ' ' || rejection_code from public.signals where id = tests.signal_id('two')), 'rejected trading_not_active',
  'the entry was refused by name');

select * from finish();
rollback;
