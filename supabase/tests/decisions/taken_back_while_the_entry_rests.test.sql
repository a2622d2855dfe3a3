begin;
select plan(6);
select tests.open_desk();
select tests.resting_entry('one', 1);
select tests.resting_entry('witness', 1);

update public.signals set decision = 'bad_setup' where id = tests.signal_id('one');
select is((select status from public.signals where id = tests.signal_id('one')), 'ready', 'until the cancel answers the signal waits');
select tests.run_jobs();
select is((tests.order_of('one', 'entry')).state, 'cancelled', 'a decision taken back cancels the entry that still rests');
select is((tests.position_of('one')).failure_code, 'decision_withdrawn', 'the position says why');
select is((select status || ' ' || rejection_code from public.signals where id = tests.signal_id('one')), 'rejected decision_withdrawn',
  'and so does the signal');
select is((select count(*) from trading.reservations where order_id = (tests.order_of('one', 'entry')).id and released_at is null), 0::bigint,
  'its cash is free again');
select is((tests.order_of('witness', 'entry')).state, 'working', 'another signal''s entry still rests');

select * from finish();
rollback;
