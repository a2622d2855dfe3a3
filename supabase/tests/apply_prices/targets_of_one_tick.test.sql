begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha', '{"entry": 100, "stopLoss": 95, "takeProfit": [110, 120, 130]}');

select is(tests.tick(125, 125.01) ->> 'limits', '1', 'a tick that trades through two targets queues one look at the position');
select is((select count(*) from trading.jobs where kind = 'sync' and status = 'queued'), 1::bigint, 'so no two workers can meet over it');
select tests.run_jobs();
select results_eq(
  $$ select o.level, t.price::numeric from public.trades t join public.orders o on o.id = t.order_id where t.side = 'SELL' order by t.sequence $$,
  $$ values (1, 110::numeric), (2, 120) $$,
  'both fill, the nearer first, each at its own price');
select is((tests.order_of('one', 'take_profit', 3)).state, 'working', 'the third rests on');

select * from finish();
rollback;
