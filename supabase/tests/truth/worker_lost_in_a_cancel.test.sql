begin;
select plan(22);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 500}');
select tests.go_live('ann');
select tests.buy_live('one', 'alpha', 5, '{"stopLoss": 95}');
select tests.rest_guard();
-- Where the account may hold other coins, an exit ends the stop first and sells when that is known.
delete from trading.account_checks;
create function pg_temp.since(p_call jsonb, p_after interval) returns void language plpgsql as $$
begin
  perform trading.set_clock((select c.permitted_at + p_after from trading.exchange_calls c where c.id = (p_call ->> 'id')::bigint));
  update trading.exchange_clocks set measured_at = trading.engine_now();
  delete from trading.jobs where status = 'queued' and kind = 'sync' and payload ? 'account_id';
end
$$;
create function pg_temp.naked() returns text language sql as $$
  select s.naked_cause || ' ' || extract(epoch from trading.engine_now() - s.naked_since)::numeric(9, 1) from trading.engine_stops s where s.naked_since is not null
$$;
create function pg_temp.waiting() returns text[] language sql as $$
  select array_agg(j.kind || ' ' || j.status order by j.kind) from trading.jobs j where j.position_id = (tests.position_of('one')).id and j.status in ('queued', 'running')
$$;
create function pg_temp.stop_says(p_status text, p_more jsonb default '{}') returns jsonb language sql as $$
  select jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(jsonb_build_object('client_order_id', (tests.order_of('one', 'stop_loss')).client_order_id), p_status, 0, p_more))
$$;
-- The sale is tried on before the stop is cancelled for it.
create function pg_temp.next_cancel() returns jsonb language plpgsql as $$
declare
  v_call jsonb := tests.next_call();
begin
  return case when v_call ->> 'action' = 'check_order' then tests.answer('{"outcome": "accepted"}') -> 'call' else v_call end;
end
$$;
select is((trading.holds_other_coins(tests.position_of('one'))), true, 'the account was never compared');

select tests.act_as_user('ann');
select public.close_position((tests.position_of('one')).id);
select tests.act_as_owner();
create temp table cancel as select pg_temp.next_cancel() as call;
select is((select call ->> 'action' from cancel), 'cancel', 'the exit ends the stop, and its worker is gone');
create temp table held as select * from tests.live_work;
select pg_temp.since((select call from cancel), '5 seconds');
select trading.watch_naked(trading.engine_now());
select is(pg_temp.waiting(), '{"exit running"}', 'five seconds are left to it');
select is(pg_temp.naked(), null, 'so far the stop counts');

select pg_temp.since((select call from cancel), '5100 milliseconds');
select trading.watch_naked(trading.engine_now());
select is(pg_temp.naked(), 'end_unknown 5.1', 'then the position counts as naked since the permit');
select is((select a.message from public.alerts a where a.code = 'position_unguarded' and a.resolved_at is null),
  'For more than 5 s nobody has known whether the stop of the position in SOLUSDT rests at the exchange; the engine''s own stop is armed.', 'with the alarm, which says what is known');
select is(pg_temp.waiting(), '{"exit running","protect queued","sync queued"}', 'the stop is asked about');
select trading.watch_naked(trading.engine_now());
select is(pg_temp.waiting(), '{"exit running","protect queued","sync queued"}', 'once');
select is((select status from trading.jobs j where j.id = (select job_id from held)), 'running', 'its worker may still be at it');

select is(tests.next_call() ->> 'action', 'lookup', 'whoever guards the position looks first');
select is((select answer #>> '{call,request,client_order_id}' from tests.live_work), (tests.order_of('one', 'stop_loss')).client_order_id, 'for the stop');
select is(tests.answer(pg_temp.stop_says('cancelled', jsonb_build_object('updated_at_ms', floor(extract(epoch from (select permitted_at + interval '100 milliseconds' from trading.exchange_calls c where c.id = (select (call ->> 'id')::bigint from cancel))) * 1000)))) #>> '{call,action}',
  'submit', 'it is gone: another one is placed in the same job');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select answer #> '{call,request}' from tests.live_work), 'working')));
select is((select (n.cause, extract(epoch from n.ended_at - n.began_at)::numeric(9, 1))::text from trading.naked_moments n order by n.id desc limit 1), '(stop_ended,5.1)', 'the moment is written down');
select ok(not tests.has_alert('position_unguarded'), 'and the alarm is over');

select pg_temp.since((select call from cancel), '8100 milliseconds');
select trading.watch_naked(trading.engine_now());
select is((select status from trading.jobs j where j.id = (select job_id from held)), 'queued', 'when the call can not be under way any more the exit is taken from its worker');
delete from trading.jobs where status = 'queued' and kind <> 'exit';
truncate cancel;
insert into cancel select pg_temp.next_cancel();
select is((select call ->> 'action' from cancel), 'cancel', 'and goes on');

-- The answer is unknown, and the stop rested all the time. ------------------------------------------------------------------------
select tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
select is(pg_temp.naked(), 'end_unknown 0.0', 'an end of which nobody knows counts as well');
delete from trading.jobs where status = 'queued' and kind in ('sync', 'exit');
select trading.queue_protection((tests.position_of('one')).id, trading.engine_now());
select is(tests.next_call() ->> 'action', 'lookup', 'it is asked about');
select is(tests.answer(pg_temp.stop_says('working')) ->> 'code', 'end_unknown', 'within the window of the call a look proves nothing');
select pg_temp.since((select call from cancel), '2500 milliseconds');
select tests.next_call();
select is((select answer #>> '{call,action}' from tests.live_work), 'lookup', 'after it');
create temp table before as select count(*) as moments from trading.naked_moments;
select tests.answer(pg_temp.stop_says('working', jsonb_build_object('updated_at_ms', 0)));
select is(pg_temp.naked(), null, 'it rests');
select is((select count(*) from trading.naked_moments), (select moments from before), 'and was never missing');

select * from finish();
rollback;
