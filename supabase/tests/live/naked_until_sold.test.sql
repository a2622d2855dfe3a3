-- A naked moment that ends with the sale, not with another stop.
begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
-- What the exchange says of a stop that ended, and of a sale, at its own moment.
create function pg_temp.ended(p_request jsonb, p_at timestamptz) returns jsonb language sql as $$
  select tests.venue_report(p_request, 'cancelled', 0, jsonb_build_object('updated_at_ms', floor(extract(epoch from p_at) * 1000)))
$$;
create function pg_temp.sold(p_request jsonb, p_trade text, p_at timestamptz) returns jsonb language sql as $$
  select tests.venue_report(p_request, 'filled', 1, jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', p_trade, 'price', '100', 'quantity', '1',
    'value', '100', 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL', 'executed_at', p_at))))
$$;
create function pg_temp.open(p_signal text) returns void language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + interval '1 minute');
  perform tests.buy_live(p_signal, 'alpha', 1, '{"stopLoss": 95}');
  perform tests.rest_guard();
  delete from trading.jobs where status = 'queued';
  delete from trading.naked_moments;
  perform trading.enqueue_job('exit', 'sell ' || p_signal, p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
  from tests.position_of(p_signal) p;
end
$$;
create function pg_temp.moments() returns text[] language sql as $$
  select array_agg(concat_ws(' ', n.cause, extract(epoch from n.ended_at - n.began_at)::numeric(9, 3)) order by n.id) from trading.naked_moments n
$$;

-- In one request.
select pg_temp.open('one');
create temp table call as select tests.next_call() as said;
select is(said ->> 'action', 'replace', 'a sale takes the place of the stop') from call;
do $$ begin perform tests.answer(jsonb_build_object('outcome', 'accepted', 'cancelled', pg_temp.ended(jsonb_build_object('client_order_id', said #> '{request,cancel_client_order_id}'), trading.engine_now()),
  'order', pg_temp.sold(said #> '{request,order}', 's1', trading.engine_now()))) from call; end $$;
select is(pg_temp.moments(), null, 'a moment of no time is none');

-- Beside other coins: the stop ends first.
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 3}');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 3}');
select pg_temp.open('two');
select tests.next_call();
truncate call;
insert into call select tests.answer('{"outcome": "accepted"}') -> 'call';
select is(said ->> 'action', 'cancel', 'where it has to end first') from call;
create temp table start as select trading.engine_now() as at;
select trading.set_clock(at + interval '500 milliseconds') from start;
do $$ begin perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', pg_temp.ended(said -> 'request', at + interval '100 milliseconds'))) from call, start; end $$;
select trading.set_clock(at + interval '900 milliseconds') from start;
do $$ begin perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', pg_temp.sold(w.answer #> '{call,request}', 's2', at + interval '700 milliseconds'))) from tests.live_work w, start; end $$;
select is((tests.position_of('two')).status::text, 'closed', 'it is sold');
select is(pg_temp.moments(), '{"stop_ended 0.600"}', 'and was naked from the one to the other, whenever we heard of them');

-- The stop of whose end nobody had heard has sold.
select pg_temp.open('three');
update trading.engine_stops set naked_since = trading.engine_now() - interval '5 seconds', naked_cause = 'end_unknown';
do $$ begin perform trading.fold_venue_report(o.id, pg_temp.sold(jsonb_build_object('client_order_id', o.client_order_id), 's3', trading.engine_now()), trading.engine_now()) from tests.order_of('three', 'stop_loss') o; end $$;
select is(pg_temp.moments(), null, 'a stop of whose end nobody had heard was there until it sold');

select * from finish();
rollback;
