begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "entry_timeout_seconds": 3000}');
select tests.go_live('ann');
select tests.tick(101, 102);
select tests.decide('one', 'alpha');
create temp table c as select tests.next_call() as call;
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from c), 'partially_filled', 0.001, 
 jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', 'b', 'price', '100', 'quantity', '0.001', 'value', '0.1', 'fee', '0', 'fee_asset', 'USDT', 'executed_at', trading.engine_now()))))));
select is((tests.position_of('one')).status, 'open', 'an entry has bought too little to be sold, and goes on');
select tests.act_as_user('ann');
select public.close_position((tests.position_of('one')).id);
select tests.act_as_owner();
delete from trading.jobs where kind = 'protect';
create temp table d as select tests.next_call() as call;
select is((select call ->> 'action' from d), 'cancel', 'the entry is cancelled');
select is(tests.answer('{"outcome": "unknown", "reason": "no_answer"}') ->> 'code', 'entry_open', 'nobody knows whether it is');
select isnt((tests.position_of('one')).status, 'closed', 'while its entry may go on buying a position is not closed');
select trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id), 'cancelled', 0.001), trading.engine_now()) from tests.order_of('one', 'entry') o;
select is((tests.position_of('one')).status, 'closed', 'when that is over it is');

-- Whoever wants an entry ended, and why, is no conflict with another one.
select tests.decide('two', 'alpha');
update c set call = tests.next_call();
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from c), 'working')));
select is(trading.cancel_entry_rest((tests.position_of('two')).id, r, trading.engine_now()), 0, 'its cancel is queued: ' || r) from unnest('{manual,trading_stopped}'::text[]) r;

select * from finish();
rollback;
