begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha', 'ann');
select tests.go_live('ann');

create function pg_temp.measured(p_offset_ms numeric, p_uncertainty_ms numeric) returns void language sql as $$
  update trading.exchange_clocks c set offset_ms = p_offset_ms, uncertainty_ms = p_uncertainty_ms, measured_at = trading.engine_now()
$$;
-- By how much a call's stamp is ahead of its permit.
create function pg_temp.ahead_ms(p_call jsonb) returns numeric language sql as $$
  select (p_call ->> 'timestamp_ms')::numeric - floor(extract(epoch from c.permitted_at) * 1000)
  from trading.exchange_calls c where c.id = (p_call ->> 'id')::bigint
$$;
create function pg_temp.fill(p_call jsonb) returns jsonb language sql as $$
  select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(p_call -> 'request', 'filled', (p_call #>> '{request,quantity}')::numeric,
    jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', '1', 'price', p_call #>> '{request,price}', 'quantity', p_call #>> '{request,quantity}',
      'value', ((p_call #>> '{request,price}')::numeric * (p_call #>> '{request,quantity}')::numeric)::text, 'fee', '0', 'fee_asset', 'USDT',
      'is_maker', false, 'executed_at', trading.engine_now()))))))
$$;

select pg_temp.measured(3000, 600);
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
create temp table c as select tests.next_call() as call;
select is((select call ->> 'action' from c), 'server_time', 'an entry has a clock measured that is known to within more than half a second');
select tests.tick(101, 102, p_after => '2 seconds');
select is(tests.answer(jsonb_build_object('outcome', 'accepted', 'server_time_ms', extract(epoch from trading.engine_now()) * 1000 + 2000)) #>> '{call,action}',
  'server_time', 'once more when the answer was slow');
select is(tests.answer('{"outcome": "rejected", "reason": "refused"}') ->> 'code', 'clock_unknown', 'and waits while it is not');
select is((tests.order_of('one', 'entry')).id, null, 'with nothing reserved for it');

select pg_temp.measured(3000, 500);
select tests.tick(101, 102, p_after => '5 seconds');
update c set call = tests.next_call();
select is((select call ->> 'action' from c), 'submit', 'by a finer one it goes');
select is((select pg_temp.ahead_ms(call) from c), 2500::numeric, 'stamped with the least that the exchange''s clock may show');

select pg_temp.measured(3000, 600);
select pg_temp.fill((select call from c));
update c set call = tests.next_call();
select is((select call #>> '{request,side}' from c), 'SELL', 'what protects it waits for no finer clock');
select is((select pg_temp.ahead_ms(call) from c), 3000::numeric, 'and goes by the likeliest');

select * from finish();
rollback;
