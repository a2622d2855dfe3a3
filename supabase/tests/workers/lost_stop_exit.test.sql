begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.tick(94, 94.01);
select is((select fired_at from trading.engine_stops), trading.engine_now(), 'a stop has fired, its exit is queued');
delete from trading.jobs where kind = 'exit';  -- what must never happen has happened

select trading.set_clock(trading.engine_now() + interval '10 seconds');
select is(trading.sweep() ->> 'stops_rearmed', '0', 'the exit has ten seconds');
select trading.set_clock(trading.engine_now() + interval '1 second');
select is(trading.sweep() ->> 'stops_rearmed', '1', 'then a stop without one is armed again');
select is(tests.tick(94, 94.01) ->> 'stops', '1', 'the next price fires it anew');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'closed', 'and the position closes');

select * from finish();
rollback;
