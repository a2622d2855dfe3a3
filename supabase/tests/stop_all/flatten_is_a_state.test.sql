begin;
select plan(17);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('held', 'alpha');
select tests.resting_entry('parted', 1);
select tests.report((tests.order_of('parted', 'entry')).id, 'partially_filled', 0.4, tests.fill('t1', 100, 0.4));
select is((tests.position_of('parted')).status, 'open', 'a resting entry has bought a part');

select tests.stop('ann', 'user', null, 'halt_and_flatten');
select is(tests.run_jobs(), '{"halt done","cancel cancelled","halt done","exit filled","exit filled"}', 'a halt that flattens cancels what is in flight and then sells everything');
select is((select string_agg(distinct p.status || ' ' || p.exit_reason, ', ') from public.positions p), 'closed trading_stopped', 'each position with its reason');
select is((select count(*) from public.orders o where o.finished_at is null), 0::bigint, 'no order rests, protective ones neither');
select results_eq($$ select settled_at is not null, flattened_at is not null, close_count from tests.stop_row() $$, $$ values (true, true, 2) $$,
  'the stop says so in the commit of the last close');
select is((select array_agg(a.action order by a.id) from public.audit_log a where a.subject_type = 'stop'), '{stop_requested,stop_settled,stop_flattened}',
  'and the audit');

-- Proof was wrong: the exchange reports a fill of the order that was cancelled.
select is(tests.report((tests.order_of('parted', 'entry')).id, 'filled', 1, tests.fill('t2', 100, 0.6)), 'filled', 'a late fill opens the position again');
select is((select array_agg(j.kind || ' ' || (j.payload ->> 'reason')) from trading.jobs j where j.status = 'queued' and j.due_at <= trading.engine_now()),
  '{"exit trading_stopped"}', 'and queues its close in the same commit');
-- An exit that got lost is found by the sweep.
delete from trading.jobs where status = 'queued' and kind = 'exit';
select is(tests.run_jobs(), '{}', 'should that get lost');
select trading.sweep();
select is(tests.run_jobs(), '{"exit filled"}', 'the sweep queues it again');
select is((tests.position_of('parted')).status, 'closed', 'so it is closed again');

-- resume ends it.
select is(tests.resume('ann', 'user'), 'halted active', 'the user resumes');
select tests.tick(99.99, 100);
select tests.hire('gamma');
select tests.enter('new', 'gamma');
select is((tests.position_of('new')).status, 'open', 'a new position is opened');
select trading.sweep();
select tests.run_jobs();
select is((tests.position_of('new')).status, 'open', 'and stays open');
select isnt_empty($$ select from trading.stop_requests where ended_at is not null and ended_by = 'user:' || tests.user_id('ann') $$, 'the stop is over, by whom');
select is((select count(*) from public.alerts where code = 'emergency_stop' and resolved_at is null), 0::bigint, 'its alerts are resolved');
select is((select sum(value::int) from jsonb_each_text(trading.check_books())), 0::bigint, 'the books are zero');

select * from finish();
rollback;
