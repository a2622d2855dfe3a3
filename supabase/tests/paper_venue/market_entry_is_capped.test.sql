begin;
select plan(6);
select tests.open_desk('{"paper_latency_ms": 500}');
select tests.hire('alpha', 'ann', '{"max_slippage_percent": 0.5}');
select tests.decide('one', 'alpha');
select tests.decide('two', 'alpha');
select tests.run_jobs();
select results_eq($$ select type, time_in_force, price::numeric from tests.order_of('one', 'entry') $$,
  $$ values ('LIMIT', 'IOC', 100.5) $$,
  'a market entry is an immediate-or-cancel limit at the ask plus what may slip');

select tests.tick(100.4, 100.5, p_after => '500 milliseconds');
select trading.execute_job((j ->> 'id')::bigint, (j ->> 'fence')::bigint)
from jsonb_array_elements(trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs') j;
select is((tests.order_of('one', 'entry')).avg_fill_price::numeric, 100.5, 'it fills up to that price');

-- The second one arrives at a market that has moved past its cap by a tick.
update trading.quotes set ask = 100.51 where observed_at = trading.engine_now();
select tests.run_jobs();
select is((tests.order_of('two', 'entry')).state, 'expired', 'a market that has run away is not followed');
select results_eq($$ select status, failure_code from tests.position_of('two') $$, $$ values ('failed', 'entry_unfilled') $$,
  'the position has failed');
select results_eq($$ select status, rejection_code from public.signals where id = tests.signal_id('two') $$,
  $$ values ('rejected', 'entry_unfilled') $$,
  'its signal says why');
select is((select count(*) from trading.reservations where released_at is null), 0::bigint, 'and nothing is held back');

select * from finish();
rollback;
