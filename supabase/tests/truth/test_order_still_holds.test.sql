begin;
select plan(10);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
-- The owner has three coins besides: what rests ends before the sale is placed, and the sale is judged before that.
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
create function pg_temp.go_on(p_by interval) returns text language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  delete from trading.jobs where kind <> 'exit' and status = 'queued';
  return tests.next_call() ->> 'action';
end
$$;
create function pg_temp.said() returns text language sql as $$ select w.answer #>> '{call,action}' from tests.live_work w $$;
create function pg_temp.miss() returns void language sql as $$
  select tests.answer('{"outcome": "not_sent", "reason": "window_over", "message": "its time was over before it was sent"}')
$$;
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
from public.positions p, t where p.id = t.position;

select is(pg_temp.go_on('0 seconds'), 'check_order', 'a sale is judged before what rests is cancelled for it');
select tests.answer('{"outcome": "accepted"}');
select is(pg_temp.said(), 'cancel', 'judged well, it has that cancelled');
select pg_temp.miss();
select is(pg_temp.go_on('2 seconds'), 'cancel', 'where that misses its window the next attempt cancels at once');
select pg_temp.miss();
select is(pg_temp.go_on('9 seconds'), 'check_order', 'what was accepted over ten seconds ago may not be any more');
select tests.answer('{"outcome": "accepted"}');
select is(pg_temp.said(), 'cancel', 'it is');

-- The size of the order is part of what was judged.
select pg_temp.miss();
update public.positions set quantity = 0.9 where id = (select position from t);
update public.instruments set lot_step = 0.1, lot_min = 0.1;
select is(pg_temp.go_on('4 seconds'), 'check_order', 'another quantity is another order');
select tests.answer('{"outcome": "accepted"}');
select is(pg_temp.said(), 'cancel', 'this one goes, too');
select tests.answer('{"outcome": "rejected", "reason": "refused", "code": -2010, "message": "This action is disabled on this account."}');
select is(pg_temp.go_on('8 seconds'), 'check_order', 'after a refusal nothing is taken for granted');
select tests.answer('{"outcome": "rejected", "reason": "filter_failed", "code": -1013, "message": "Filter failure: LOT_SIZE"}');
select is((select state from public.orders o, t where o.position_id = t.position and o.role = 'stop_loss'), 'working', 'refused, the sale leaves the stop where it is');
select is((select count(*) from public.orders where role = 'exit'), 0::bigint, 'and is not placed');

select * from finish();
rollback;
