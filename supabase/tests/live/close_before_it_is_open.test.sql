-- A position is closed by hand whose limit entry the exchange has filled already, and nobody has heard of it.
begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit"}');
select tests.go_live('ann');
create function pg_temp.rest(p_signal text) returns void language plpgsql as $$
declare
  v_call jsonb;
begin
  perform tests.tick(101, 102);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  perform tests.decide(p_signal, 'alpha', '{"entry": 100, "stopLoss": 95}');
  v_call := tests.next_call();
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'working')));
end
$$;
create function pg_temp.close(p_signal text) returns void language sql as $$
  select trading.enqueue_job('exit', 'close ' || p_signal, p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
  from tests.position_of(p_signal) p
$$;

select pg_temp.rest('one');
select pg_temp.close('one');
select is(tests.next_call() ->> 'action', 'cancel', 'a close ends the entry first');
select is(tests.answer('{"outcome": "rejected", "reason": "order_not_found", "code": -2011}') #>> '{call,action}', 'lookup', 'which is not there any more');
select is(tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
  jsonb_build_object('client_order_id', (tests.order_of('one', 'entry')).client_order_id, 'quantity', '1'), 'filled', 1))) #>> '{call,action}', 'fills',
  'because it was filled');
select is(tests.answer(jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(jsonb_build_object('trade_id', '1',
  'exchange_order_id', (tests.order_of('one', 'entry')).binance_order_id, 'price', '100', 'quantity', '1', 'value', '100', 'fee', '0', 'fee_asset', 'USDT',
  'is_maker', true, 'side', 'BUY', 'executed_at', trading.engine_now())))) #>> '{call,action}', 'submit', 'what it bought is sold at once');
select is((tests.position_of('one')).status, 'closing', 'the position is on its way out');

update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select pg_temp.rest('two');
select pg_temp.close('two');
select tests.next_call();
select is(tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
  jsonb_build_object('client_order_id', (tests.order_of('two', 'entry')).client_order_id, 'quantity', '1'), 'cancelled'))) ->> 'code',
  'nothing_to_sell', 'an entry that ends without a fill leaves nothing to sell');
select is((tests.order_of('two', 'entry')).reason, 'manual', 'and says why it ended');

select * from finish();
rollback;
