begin;
select plan(4);
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

select * from finish();
rollback;
