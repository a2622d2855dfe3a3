begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('open', 'alpha');
update public.traders set entry_order_type = 'limit' where name = 'alpha';
select tests.enter('resting', 'alpha', '{"entry": 79, "stopLoss": 78}');
create function pg_temp.counts() returns text language sql as $$
  select concat_ws(' ', s.cancel_count, s.close_count) from trading.stop_requests s order by s.requested_at desc limit 1
$$;

-- No worker is there: the sweep comes before the halt's own job.
select tests.stop('ann', 'user', null, 'halt_and_flatten');
select is(pg_temp.counts(), '0 0', 'the halt itself ends nothing');
select trading.advance_stops(trading.engine_now());
select is(pg_temp.counts(), '1 1', 'what the sweep queues first is counted');
select trading.advance_stops(trading.engine_now());
select is(pg_temp.counts(), '1 1', 'once');
-- A cancel that came to nothing is queued again by the next sweep.
update trading.jobs set status = 'done', finished_at = clock_timestamp() where kind = 'cancel' and status = 'queued' and key like 'halt:%';
update public.orders set version = version + 1 where id = (tests.order_of('resting', 'entry')).id;
select trading.advance_stops(trading.engine_now());
select is(pg_temp.counts(), '1 1', 'also where it takes another try');
select tests.run_jobs();
select is(pg_temp.counts(), '1 1', 'the halt''s job, when it comes, counts none of it again');
select is(tests.answer_to('ann', $$ select concat_ws(' ', entries_cancelled, entries_in_flight, positions_left, settled_at is not null, flattened_at is not null)
  from public.stop_progress $$), '1 0 0 t t', 'and the progress is right');

select * from finish();
rollback;
