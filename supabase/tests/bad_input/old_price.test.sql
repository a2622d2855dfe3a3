begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"signal_ttl_seconds": 60}');
select trading.set_clock(trading.engine_now() + interval '10 seconds');
select tests.enter('fresh enough', 'alpha');
select is((tests.position_of('fresh enough')).status, 'open', 'a price exactly as old as allowed is good');

select trading.set_clock(trading.engine_now() + interval '1 second');
select tests.decide('one', 'alpha');
select is(tests.run_jobs(), array['enter retry price_stale'], 'an entry on an older price waits for a newer one');
select is((select count(*) from public.positions), 1::bigint, 'nothing is bought at the old price');
select is((select count(*) from trading.risk_checks), 1::bigint, 'a wait is no verdict');
select tests.tick(109.99, 110);
select tests.run_jobs();
select is((tests.position_of('one')).entry_price::numeric, null, 'the newer price decides: 110 is above what the entry may pay');

select * from finish();
rollback;
