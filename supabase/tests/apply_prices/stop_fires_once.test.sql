begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.enter('lower', 'alpha', '{"stopLoss": 90}');

select is(tests.tick(94, 94.01) ->> 'stops', '1', 'a crossed stop fires');
select is(tests.tick(93, 93.01) ->> 'stops', '0', 'while its exit is queued it does not fire again');
select is((select count(*) from trading.jobs where kind = 'exit'), 1::bigint, 'one exit is queued');
select is((select payload from trading.jobs where kind = 'exit') - 'market_at', '{"reason": "stop_loss"}'::jsonb, 'for the stop');
select tests.run_jobs();
select is((tests.position_of('one')).exit_price::numeric, 94::numeric, 'it sells at the quote that fired it');
select is((select count(*) from trading.engine_stops where fired_at is null), 1::bigint, 'the lower stop stays armed');

select * from finish();
rollback;
