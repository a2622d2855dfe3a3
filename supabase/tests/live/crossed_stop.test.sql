begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
create temp table entry as select tests.next_call() as call;
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from entry), 'filled', 1, jsonb_build_object('fills',
  jsonb_build_array(jsonb_build_object('trade_id', '1', 'price', '100', 'quantity', '1', 'value', '100', 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false,
    'executed_at', trading.engine_now()))))));
select is(tests.next_call() ->> 'action', 'submit', 'the stop is placed');
select is(tests.answer('{"outcome": "rejected", "reason": "would_trigger_at_once", "code": -2010}') ->> 'outcome', 'done', 'the exchange''s market is past it already');
create temp table sale as select tests.next_call() as call;
select is((select call #>> '{request,type}' from sale), 'MARKET', 'so the position is sold without waiting for a tick of ours');
select is((select payload ->> 'reason' from trading.jobs where kind = 'exit'), 'stop_loss', 'as its stop');

select * from finish();
rollback;
