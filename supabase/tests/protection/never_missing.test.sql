begin;
select plan(8);
select tests.open_desk();
create function pg_temp.naked() returns text language sql as $$ select trading.check_books() ->> 'unprotected_positions' $$;
select tests.resting_entry('one', 3, '{"entry": 100, "stopLoss": 95, "takeProfit": [110, 120]}');
select tests.report((tests.order_of('one', 'entry')).id, 'working', 0.01, tests.fill('1', 100, 0.01));
select is(pg_temp.naked(), '0', 'not after a first fill too small for a venue''s stop');
select tests.report((tests.order_of('one', 'entry')).id, 'working', 1, tests.fill('2', 100, 0.99));
select is(pg_temp.naked(), '0', 'not after the next');
select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 1);
select is(pg_temp.naked(), '0', 'not when the rest of the entry is cancelled');
select tests.sent_exit('one', 0.4);
select is(pg_temp.naked(), '0', 'not while a part is being sold');
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 0.4, tests.fill('s1', 101, 0.4));
select is(pg_temp.naked(), '0', 'not when the part is sold');
select tests.sent_exit('one');
select is(pg_temp.naked(), '0', 'not while all of it is being sold');
select tests.report((tests.order_of('one', 'exit')).id, 'expired', 0.2, tests.fill('s2', 101, 0.2));
select is(pg_temp.naked(), '0', 'not when that sale ended half way');

-- The instrument shows itself able to count: a disarmed stop is seen.
delete from trading.engine_stops;
select is(pg_temp.naked(), '1', 'a position whose engine stop is missing is counted');

select * from finish();
rollback;
