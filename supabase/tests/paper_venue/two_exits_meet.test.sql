begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.enter('witness', 'alpha');
select tests.settings('{"paper_latency_ms": 500}');
-- Two market sells for all of the position are on their way at once.
select trading.enqueue_job('exit', k, p.portfolio_id, true, trading.engine_now(), p_position_id => p.id,
  p_payload => '{"reason": "manual"}')
from tests.position_of('one') p, unnest('{first,second}'::text[]) k;
select is(tests.run_jobs(), array['exit submitting', 'exit submitting'], 'two sells for all of a position leave');
select tests.tick(99.99, 100);
select is(tests.run_jobs(), array['sync filled', 'sync expired'], 'the first one sells, the second finds nothing left to sell');
select is((tests.position_of('one')).exit_quantity::numeric, 0.999, 'no more is sold than the position held');
select is((tests.position_of('witness')).quantity::numeric, 0.999, 'not out of another position''s coins either');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
