begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha', '{"stopLoss": 95, "takeProfit": [110]}');

select is(tests.tick(100, 100.01, '{"high": 111, "low": 94}'), '{"applied": 1, "stops": 1, "limits": 0, "refused": []}'::jsonb,
  'when one tick crosses stop and target nobody knows which came first: the worse one counts');
select is(tests.run_jobs(), array['exit filled'], 'one exit runs');
select is((tests.position_of('one')).exit_reason, 'stop_loss', 'by the stop');
select is((tests.order_of('one', 'take_profit', 1)).state, 'cancelled', 'the target is cancelled');

select * from finish();
rollback;
