begin;
select plan(22);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('held', 'alpha');
select tests.resting_entry('resting', 1);
select tests.hire('beta', 'bob');
select tests.decide('claimed', 'alpha');
select trading.claim_jobs('another worker', 1, 'https://desk.example.test', repeat('desk', 8));
select tests.decide('queued', 'alpha');
select tests.decide('of another', 'beta');

select tests.stop('ann', 'user');
select is((select count(*) from public.orders o where o.state = 'cancelled') + (select count(*) from public.signals s where s.status = 'rejected'), 0::bigint,
  'the halt itself is one state: cancels and denials come after it');
select is((select array_agg(j.kind || ' ' || j.status order by j.priority, j.id) from trading.jobs j where j.status = 'queued' and j.due_at <= trading.engine_now()),
  '{"halt queued","enter queued","enter queued"}', 'and are first in the queue');
select is(tests.run_jobs(), '{"halt done","enter filled","cancel cancelled","halt done"}', 'a worker carries them out');

select is((select status from public.signals where id = tests.signal_id('claimed')), 'ready', 'a decision that a worker holds is left to it');
select is((select trading.execute_job(j.id, j.fence) ->> 'code' from trading.jobs j where j.worker = 'another worker'), 'trading_not_active', 'and denied by it');
select is((select status || ' ' || rejection_code from public.signals where id = tests.signal_id('queued')), 'rejected trading_not_active',
  'a decision still queued is over');
select is((select outcome from trading.jobs where signal_id = tests.signal_id('queued')), '{"outcome": "denied", "code": "trading_not_active"}',
  'and so is its job');
select is((tests.order_of('resting', 'entry')).state || ' ' || (tests.position_of('resting')).failure_code, 'cancelled entry_unfilled',
  'an entry in flight is cancelled');
select is((select coalesce(sum(amount), 0) from trading.reservations r join public.positions p on p.id = (select o.position_id from public.orders o where o.id = r.order_id)
  where p.user_id = tests.user_id('ann')), 0::numeric, 'and its money free');
select is((tests.position_of('held')).status, 'open', 'what is held stays');
select is((tests.order_of('held', 'stop_loss')).state, 'working', 'with its stop resting');
select is((tests.position_of('of another')).status, 'open', 'another user trades on');

select results_eq($$ select settled_at is not null, flattened_at is null, denied_count, cancel_count, close_count from tests.stop_row() $$,
  $$ values (true, true, 1, 1, 0) $$, 'the stop is settled by its last cancel, and counts what it did');
select is((select array_agg(a.action order by a.id) from public.audit_log a where a.subject_type = 'stop'), '{stop_requested,stop_settled}', 'both audited');
select is((select detail ->> 'by' from public.audit_log where action = 'stop_requested'), 'user:' || tests.user_id('ann'), 'by whom');

select tests.decide('later', 'alpha');
select is(tests.run_jobs(), '{"enter denied trading_not_active"}', 'a decision that comes later is denied by the rule');

select tests.tick(94, 94.01);
select is(tests.run_jobs(), array['exit filled', 'exit filled'], 'stops fire through the halt');
select is((tests.position_of('held')).exit_reason, 'stop_loss', 'and close the position');

select results_eq($$ select a.user_id, a.severity, a.resolved_at is null from public.alerts a where a.code = 'emergency_stop' order by a.user_id nulls first $$,
  $$ values (null::uuid, 'emergency', true), (tests.user_id('ann'), 'emergency', true) $$, 'operators and the user touched got an emergency alert');
select is(tests.answer_to('ann', 'select entries_denied || '' '' || entries_cancelled || '' '' || entries_in_flight || '' '' || positions_left from public.stop_progress'),
  '1 1 0 0', 'the page may ask how far it got');
select is(tests.answer_to('bob', 'select count(*) from public.stop_progress'), '0', 'nobody else sees the stop');
select is((select sum(value::int) from jsonb_each_text(trading.check_books())), 0::bigint, 'the books are zero');

select * from finish();
rollback;
