begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 500}');
select tests.go_live('ann');
select tests.bought_live('one', 'alpha');

-- Two of five are to be sold, and the answer is lost. The stop that the sale was to replace still rests, so a sale of the whole
-- could follow at once; one of the part could not: if the first one was executed, it would be sold twice.
select tests.act_as_user('ann');
select public.close_position((tests.position_of('one')).id, 2);
select tests.act_as_owner();
select is(tests.next_call() ->> 'action', 'replace', 'a part is sold');
select tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
select is((tests.order_of('one', 'exit')).state, 'unknown', 'nobody knows what became of it');
insert into trading.venue_orders as v (order_id, fenced_at) select o.id, trading.engine_now() from tests.order_of('one', 'exit') o
on conflict (order_id) do update set fenced_at = excluded.fenced_at;
update trading.jobs set status = 'queued', lease_until = null, worker = null, due_at = trading.engine_now() where kind = 'exit';
delete from trading.jobs where kind <> 'exit' and status = 'queued';
select trading.set_clock(trading.engine_now() + interval '30 seconds');
update trading.exchange_clocks set measured_at = trading.engine_now();
select is(tests.next_call() ->> 'action', 'lookup', 'after its fence it is asked about');
select is((select c.order_id from trading.exchange_calls c order by c.id desc limit 1), (tests.order_of('one', 'exit')).id, 'by its name');
select is((select count(*) from public.orders where role = 'exit'), 1::bigint, 'and not sold again');

select * from finish();
rollback;
