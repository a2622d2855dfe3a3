begin;
select plan(6);
select tests.open_desk('{"paper_latency_ms": 800}');
select tests.hire('alpha', 'ann', '{"max_slippage_percent": 5}');
select tests.decide('one', 'alpha');
select is(tests.run_jobs(), array['enter submitting'], 'an order with a latency leaves, and no worker sleeps for it');
select is((select due_at - trading.engine_now() from trading.jobs where kind = 'sync'), interval '800 milliseconds',
  'its arrival is a job due when it arrives');
select is((select amount > 0 from trading.reservations), true, 'its money is held meanwhile');

select tests.tick(100.9, 101, p_after => '500 milliseconds');
select is(tests.run_jobs(), '{}'::text[], 'before that nothing happens');
select tests.tick(101.9, 102, p_after => '500 milliseconds');
select is(tests.run_jobs(), array['sync filled'], 'then it is executed');
select is((tests.position_of('one')).entry_price::numeric, 101::numeric,
  'at the market of its arrival: not of its decision, nor of the worker''s time');

select * from finish();
rollback;
