begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 500}');
select tests.go_live('ann');
select tests.bought_live('one', 'alpha');

-- Two of five are to be sold. The worker that sends the sale dies before it can report.
select tests.act_as_user('ann');
select public.close_position((tests.position_of('one')).id, 2);
select tests.act_as_owner();
create temp table sale as select tests.next_call() as call;
select is((select call #>> '{request,order,quantity}' from sale), '2', 'a part is sold');
update trading.jobs set lease_until = clock_timestamp() - interval '1 second' where status = 'running';
select trading.sweep();
create temp table question as select tests.next_call() as call;
select is((select call ->> 'action' from question), 'lookup', 'whoever takes the job up asks what became of it');
select is((tests.order_of('one', 'exit')).state, 'unknown', 'which nobody knows');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call #> '{request,order}' from sale), 'filled', 2)));
select tests.answer(jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(jsonb_build_object('trade_id', 's1', 'side', 'SELL',
  'exchange_order_id', (tests.order_of('one', 'exit')).binance_order_id, 'price', '100', 'quantity', '2', 'value', '200', 'fee', '0.2', 'fee_asset', 'USDT',
  'is_maker', false, 'executed_at', trading.engine_now()))));
select is((tests.order_of('one', 'exit')).state, 'filled', 'it was sold');
select is((tests.position_of('one')).quantity::numeric, 3::numeric, 'three are left');
select trading.set_clock(trading.engine_now() + interval '30 seconds');
update trading.exchange_clocks set measured_at = trading.engine_now();
do $$
declare
  v_call jsonb;
begin
  for n in 1 .. 5 loop
    v_call := tests.next_call();
    exit when v_call is null;
    perform tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
  end loop;
end
$$;
select is((select count(*) from public.orders where role = 'exit'), 1::bigint, 'no second sale leaves for the same part');
select is((select count(*) from trading.jobs where kind = 'exit' and status in ('queued', 'running')), 0::bigint, 'its job is over');
select is((select (s.pending, s.quantity::numeric)::text from trading.jobs j, trading.sold_by_job(j.id) s where j.kind = 'exit'), '(,2)', 'by what its sales have sold');

select * from finish();
rollback;
