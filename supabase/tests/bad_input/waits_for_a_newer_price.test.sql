begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select trading.set_clock(trading.engine_now() + interval '11 seconds');
select tests.decide('one', 'alpha');
select is(tests.run_jobs(), array['enter retry price_stale'], 'an entry on an old price waits for a newer one');
select tests.tick(109.99, 110);
select is(tests.run_jobs(), array['enter filled'], 'when that comes the entry is executed');
select is((tests.position_of('one')).entry_price::numeric, 110::numeric, 'at the price it waited for, not at the old one');

select * from finish();
rollback;
