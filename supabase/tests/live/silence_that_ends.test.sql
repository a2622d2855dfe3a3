-- The exchange was silent for half a minute, and answers again.
begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "signal_ttl_seconds": 3600, "entry_timeout_seconds": 3600}');
select tests.go_live('ann');
select tests.rest_entry('one', 'alpha', 98);
delete from trading.jobs where status = 'queued';
create temp table way (is_silent boolean);
insert into way values (true);
create function pg_temp.says(p_call jsonb) returns jsonb language sql as $$
  select case when w.is_silent then '{"outcome": "unknown", "reason": "no_answer", "message": "no answer"}'
    when p_call ->> 'action' = 'lookup' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(p_call -> 'request' || '{"quantity": "1"}', 'working'))
    else '{"outcome": "accepted"}'::jsonb end from way w
$$;
-- Seconds go by, with a tick in each.
create function pg_temp.play(p_seconds int, p_ask numeric) returns void language plpgsql as $$
begin
  for v_n in 1 .. p_seconds loop
    perform tests.tick_live(p_ask, '1 second');
    delete from trading.jobs where status = 'queued' and payload ? 'account_id';
    perform tests.converse();
  end loop;
end
$$;
create function pg_temp.question() returns text language sql as $$
  select concat_ws(' ', j.last_error ->> 'code', j.failures, case when j.due_at > trading.engine_now() then 'waits' else 'is due' end)
  from trading.jobs j where j.kind = 'sync' and j.status = 'queued' and j.order_id is not null
$$;
select trading.queue_order_sync((tests.order_of('one', 'entry')).id, 'test', trading.engine_now());
select pg_temp.play(18, 102);
select is(pg_temp.question(), 'venue_silent 5 waits', 'the question about an entry that rests backs off');

-- A tick reaches it -------------------------------------------------------------------------------------------------------------
savepoint tick;
select tests.tick_live(97.5, '1 second');
select is(pg_temp.question(), 'venue_silent 0 is due', 'a tick that comes to its price has it asked at once');
select tests.converse();
select is(pg_temp.question(), 'venue_silent 1 waits', 'still nobody answers');
select tests.tick_live(97.5, '100 milliseconds');
select is(pg_temp.question(), 'venue_silent 1 waits', 'the next tick there does not hasten it again');
rollback to tick;
update trading.jobs set last_error = '{"sqlstate": "FB429"}' where kind = 'sync' and status = 'queued';
select tests.tick_live(97.5, '1 second');
select is(pg_temp.question(), '5 waits', 'one that waits for budget knows when there is some');
rollback to tick;

-- Somebody is answered ----------------------------------------------------------------------------------------------------------
update way set is_silent = false;
select trading.note_heard('simulator', trading.engine_now());
select is(pg_temp.question(), 'venue_silent 0 is due', 'the first answer after a silence has it asked at once');
rollback to tick;
update trading.exchange_contacts set silent_since = trading.engine_now() - interval '4 seconds';
select trading.note_heard('simulator', trading.engine_now());
select is(pg_temp.question(), 'venue_silent 5 waits', 'the first after a call that was lost does not');

select * from finish();
rollback;
