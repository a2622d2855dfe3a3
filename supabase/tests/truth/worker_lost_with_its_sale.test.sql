-- Beside other coins the stop has ended and the sale has its permit, and its worker is gone before it opens the key.
begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
delete from trading.jobs where status = 'queued';
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('one') p;
select tests.next_call();
select tests.answer('{"outcome": "accepted"}');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(w.answer #> '{call,request}', 'cancelled'))) from tests.live_work w;
select is((select answer #>> '{call,request,type}' from tests.live_work), 'MARKET', 'the stop has ended, the sale has its permit');
update trading.exchange_calls set opened_at = null where id = (select (answer #>> '{call,id}')::bigint from tests.live_work);
create function pg_temp.guard(p_after interval) returns text language plpgsql as $$
begin
  perform trading.set_clock((select max(c.permitted_at) + p_after from trading.exchange_calls c where c.action = 'submit' and c.request ->> 'type' = 'MARKET'));
  update trading.exchange_clocks set measured_at = trading.engine_now();
  delete from trading.jobs where kind = 'sync' and status = 'queued';
  perform trading.queue_protection((tests.position_of('one')).id, trading.engine_now());
  perform trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8));
  return (select coalesce(o ->> 'code', o #>> '{call,request,type}') from trading.jobs j, trading.execute_job(j.id, j.fence) o where j.kind = 'protect' and j.status = 'running');
end
$$;
create function pg_temp.sale() returns text language sql as $$ select j.status from trading.jobs j where j.key = 'sell' $$;
select is(pg_temp.guard('900 milliseconds'), 'exit_under_way', 'while it may be sent, whoever guards the position leaves it alone');
select is(pg_temp.sale(), 'running', 'to its worker');
select is(pg_temp.guard('1100 milliseconds'), 'STOP_LOSS_LIMIT', 'when its time is over the stop comes back');
select is((tests.order_of('one', 'exit')).state, 'not_sent', 'it was never sent');
select is(pg_temp.sale(), 'queued', 'and is tried again');

select * from finish();
rollback;
