begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"signal_ttl_seconds": 60}');
select tests.decide('one', 'alpha');
select tests.decide('just in time', 'alpha');
select trading.set_clock(trading.engine_now() + interval '60 seconds');
select tests.tick(99.99, 100, p_after => '0');
update trading.jobs set due_at = due_at + interval '61 seconds' where signal_id = tests.signal_id('one');
select tests.run_jobs();
select is((tests.position_of('just in time')).status, 'open', 'a decision exactly as old as allowed is executed');
update public.positions set signal_id = null;  -- out of the way of the assertions below
select tests.tick(99.99, 100, p_after => '1 second');
select tests.run_jobs();

select is((select rejection_code from public.signals where id = tests.signal_id('one')), 'signal_stale', 'a second later it is stale');
select is((select count(*) from public.positions), 1::bigint, 'and nothing is bought');
select is((select (r ->> 'observed') || ' > ' || (r ->> 'limit') from trading.risk_checks c, jsonb_array_elements(c.rules) r
           where not c.passed and r ->> 'rule' = 'signal_age'), '61000 > 60000', 'the verdict shows how old it was');

select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, fresh decision on the same signal is executed');

select * from finish();
rollback;
