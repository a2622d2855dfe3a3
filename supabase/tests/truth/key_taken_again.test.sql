-- A key that the exchange refused for a while: its address was not allowed, and then it was.
begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha');
select tests.obey();
create function pg_temp.later(p_by interval) returns void language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
end
$$;
create function pg_temp.refuse() returns void language sql as $$
  select tests.answer('{"outcome": "rejected", "reason": "key_refused", "code": -2015, "message": "Invalid API-key, IP, or permissions for action."}')
$$;
create function pg_temp.sale() returns text language sql as $$
  select j.status || ' ' || extract(epoch from j.due_at - trading.engine_now())::int || ' s' from trading.jobs j where j.key = 'sell'
$$;
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('one') p;
select is(tests.next_call() ->> 'action', 'replace', 'a sale meets a refusal');
select pg_temp.refuse();
select pg_temp.later('2 seconds');
select trading.queue_account_check((select account from t), 'test', trading.engine_now());
select is(tests.next_call() ->> 'action', 'balances', 'and so does a question');
select pg_temp.refuse();
update trading.jobs set status = 'done', finished_at = now() where kind = 'sync' and status = 'queued';
select pg_temp.later('58 seconds');
select is(tests.next_call() ->> 'action', 'replace', 'the sale is tried a minute after it was, not after the question');
select pg_temp.refuse();
select is(pg_temp.sale(), 'queued 60 s', 'and waits another minute');

select pg_temp.later('1 second');
select trading.queue_order_sync((tests.order_of('one', 'stop_loss')).id, 'test', trading.engine_now());
update trading.exchange_keys set refused_at = refused_at - interval '1 minute';
select tests.next_call();
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
  jsonb_build_object('client_order_id', (tests.order_of('one', 'stop_loss')).client_order_id, 'quantity', '1'), 'working')));
select is(pg_temp.sale(), 'queued 59 s', 'an answer to a question does not show that the key may sell');
update trading.exchange_keys set refused_call_id = (select max(c.id) from trading.exchange_calls c where c.action = 'balances');
select trading.queue_order_sync((tests.order_of('one', 'stop_loss')).id, 'again', trading.engine_now());
select tests.next_call();
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
  jsonb_build_object('client_order_id', (tests.order_of('one', 'stop_loss')).client_order_id, 'quantity', '1'), 'working')));
select is(pg_temp.sale(), 'queued 0 s', 'where a question had been refused it does: what waits goes on at once');
select is((select failures from trading.jobs where key = 'sell'), 0, 'and has not failed');

select * from finish();
rollback;
