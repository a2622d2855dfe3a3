begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
-- The owner has three coins besides: what rests ends before the sale is placed.
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}');
create function pg_temp.go_on(p_by interval default '0') returns text language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  delete from trading.jobs where kind = 'sync' and status = 'queued';
  return (select concat_ws(' ', c.call ->> 'action', c.call #>> '{request,type}') from (select tests.next_call() as call) c);
end
$$;
create function pg_temp.said() returns text language sql as $$ select concat_ws(' ', w.answer #>> '{call,action}', w.answer #>> '{call,request,type}') from tests.live_work w $$;
create function pg_temp.miss() returns void language sql as $$
  select tests.answer('{"outcome": "not_sent", "reason": "window_over", "message": "its time was over before it was sent"}')
$$;
create function pg_temp.sell(p_key text) returns void language plpgsql as $$
begin
  perform trading.enqueue_job('exit', p_key, p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
  from public.positions p, t where p.id = t.position;
  -- Judged and the stop ended, the sale is on its way.
  if pg_temp.go_on() like 'check_order%' then
    perform tests.answer('{"outcome": "accepted"}');
  end if;
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
    (select w.answer #> '{call,request}' from tests.live_work w), 'cancelled')));
end
$$;

select pg_temp.sell('first');
select is(pg_temp.said(), 'submit MARKET', 'the stop has ended, the sale comes');
select pg_temp.miss();
select isnt((select naked_since from trading.engine_stops), null, 'it is not sent in time: the position is naked');
select is((select armed_at is not null and fired_at is null from trading.engine_stops), true, 'but for the engine''s own stop');
select is(pg_temp.go_on(), '', 'no stop is placed that the next try would have to end');
select is((select last_error ->> 'code' from trading.jobs where kind = 'protect' and status = 'queued'), 'exit_under_way', 'that waits');
select is(pg_temp.go_on('200 milliseconds'), 'submit MARKET', 'and the sale is tried again at once');
select pg_temp.miss();

-- A worker that dies with the exit ---------------------------------------------------------------------------------------------------
select trading.set_clock(trading.engine_now() + interval '200 milliseconds');
select is(jsonb_array_length(trading.claim_jobs('a worker that dies', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs'), 1, 'somebody has the exit at hand');
select is(pg_temp.go_on('1 second'), '', 'it may sell any moment');
select is(pg_temp.go_on('2 seconds'), 'submit STOP_LOSS_LIMIT', 'three seconds after the stop has ended it comes back');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select w.answer #> '{call,request}' from tests.live_work w), 'working')));
select is((select naked_since from trading.engine_stops), null, 'before any alarm');
select is(tests.has_alert('position_unguarded'), false, 'of which there is none');

-- An exit that is refused ---------------------------------------------------------------------------------------------------------------
delete from trading.jobs where kind = 'exit';
select pg_temp.sell('second');
select is(pg_temp.said(), 'submit MARKET', 'the next exit');
select tests.answer('{"outcome": "rejected", "reason": "filter_failed", "code": -1013, "message": "Filter failure: MARKET_LOT_SIZE"}');
select is((select last_error ->> 'cause' from trading.jobs where key = 'second'), 'filter_failed', 'is refused for what it is');
select is(pg_temp.go_on(), 'submit STOP_LOSS_LIMIT', 'the stop comes back without a wait');

select * from finish();
rollback;
