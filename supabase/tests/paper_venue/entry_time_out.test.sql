begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "entry_timeout_seconds": 60}');
select tests.tick(101, 102);
select tests.enter('one', 'alpha');
select trading.set_clock(trading.engine_now() + interval '59 seconds');
select tests.run_jobs();
select is((tests.order_of('one', 'entry')).state, 'working', 'an unfilled limit rests until its time is out');
select trading.set_clock(trading.engine_now() + interval '1 second');
select tests.run_jobs();
select results_eq($$ select state, reason from tests.order_of('one', 'entry') $$, $$ values ('cancelled', 'entry_timeout') $$,
  'then it is cancelled');
select results_eq($$ select status, failure_code from tests.position_of('one') $$, $$ values ('failed', 'entry_unfilled') $$,
  'its position has failed');
select is((select status || ' ' || rejection_code from public.signals), 'rejected entry_unfilled', 'its signal says why');
select is((select count(*) from trading.reservations where released_at is null), 0::bigint, 'its money is free');

select * from finish();
rollback;
