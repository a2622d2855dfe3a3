begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');

-- A worker takes an entry's call and is gone; before its lease is over a person ends what is queued.
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
select is(tests.next_call() ->> 'action', 'submit', 'the entry has its call');
select trading.set_clock(trading.engine_now() + interval '8 seconds');
select trading.queue_due_syncs(trading.engine_now());
select is(tests.next_call() ->> 'action', 'lookup', 'whoever asks while its worker has it');
select is((tests.order_of('one', 'entry')).state, 'submitting', 'leaves the call to that one');
update trading.jobs set status = 'done', finished_at = now(), lease_until = null, outcome = '{"outcome": "denied"}' where status = 'running';
truncate tests.live_work;
select is((tests.order_of('one', 'entry')).state, 'submitting', 'nobody has said what became of it');
select trading.set_clock(trading.engine_now() + interval '10 seconds');
update trading.exchange_clocks set measured_at = trading.engine_now();
select trading.queue_due_syncs(trading.engine_now());
select is(tests.next_call() ->> 'action', 'lookup', 'it is asked about all the same');
select is((tests.order_of('one', 'entry')).state, 'unknown', 'as an order whose fate nobody knows');

select * from finish();
rollback;
