-- A price that stays at a level where many orders rest, and fills none of them.
begin;
select plan(20);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "sizing_value": 100, "signal_ttl_seconds": 3600, "entry_timeout_seconds": 3600}');
select tests.go_live('ann');
-- The questions that are queued then.
create function pg_temp.tick(p_ask numeric, p_after interval) returns int language plpgsql as $$
begin
  perform tests.tick_live(p_ask, p_after);
  return (select count(*) from trading.jobs j where j.kind = 'sync' and j.order_id is not null and j.status = 'queued');
end
$$;
-- What the exchange says: it rests.
create function pg_temp.answer_all() returns text[] language plpgsql as $$
declare
  v_call jsonb;
  v_asked text[] := '{}';
begin
  loop
    v_call := tests.next_call();
    exit when v_call is null;
    v_asked := v_asked || (v_call #>> '{request,client_order_id}');
    perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request' || '{"quantity": "1"}', 'working')));
  end loop;
  return v_asked;
end
$$;
select tests.rest_entry('order ' || n, 'alpha', 100) from generate_series(1, 4) n;
select is((select count(*) from public.orders where state = 'working'), 4::bigint, 'four entries rest at one price');
update trading.settings set order_poll_ms = 20000;
update trading.rate_rules set burst = 12, per_second = 4, poll_reserve = 0 where name = 'questions';

select is(pg_temp.tick(100, '1 second'), 3, 'the price comes there: as many questions are queued as their budget has room for');
select is(pg_temp.tick(100, '100 milliseconds'), 3, 'the next tick queues no more than that');
create temp table asked as select unnest(pg_temp.answer_all()) as id;
select is((select count(*) from asked), 3::bigint, 'they are asked');
select is(pg_temp.tick(100, '900 milliseconds'), 0, 'an order that was asked about a moment ago is not asked at each tick');
select is(pg_temp.tick(100, '10 seconds'), 3, 'as long as the price stays, they are asked again and again, as far as the budget goes');
select is((select count(*) from unnest(pg_temp.answer_all()) a where a not in (select id from asked)), 1::bigint, 'first the one that has waited longest');
select is(pg_temp.tick(102, '1 second'), 1, 'when it has gone, the one is asked for which there was no budget');
select pg_temp.answer_all();
select is(pg_temp.tick(102, '11 seconds'), 0, 'then a price that has gone asks nothing');
select is(pg_temp.tick(100, '1 second'), 3, 'when it comes back, they are asked at once');
select pg_temp.answer_all();
select pg_temp.tick(102, '1 second');
select pg_temp.answer_all();
select pg_temp.tick(102, '21 seconds');
select is(trading.queue_due_syncs(trading.engine_now()), 3, 'at other prices, too, an entry that waits is asked about now and then');

-- Budget enough: what a tick reaches a moment after an answer.
update trading.rate_rules set burst = 600, per_second = 30, poll_reserve = 400 where name = 'questions';
update trading.settings set order_poll_ms = 600000;
select pg_temp.answer_all();
select is(pg_temp.tick(99, '11 seconds'), 4, 'the price falls below the level: all are asked at once');
select pg_temp.answer_all();
select is(pg_temp.tick(99, '100 milliseconds'), 0, 'a tick right after the answers, which may have filled them, asks nobody');
select is(pg_temp.tick(102, '100 milliseconds'), 0, 'the price has gone again');
select is(pg_temp.tick(102, '100 milliseconds'), 4, 'a quarter of a second after the answers they are asked again, wherever the price is');
select pg_temp.answer_all();
select is(pg_temp.tick(102, '1 second'), 0, 'once');
select pg_temp.tick(99, '1 second');
select pg_temp.answer_all();
select pg_temp.tick(99, '100 milliseconds');
update trading.settings set clock_at = trading.engine_now() + interval '1 second';
select is(trading.queue_due_syncs(trading.engine_now()), 4, 'a sweep asks what is owed if no tick comes');
select pg_temp.answer_all();

-- While an order is placed.
update public.instruments set max_algo_orders = 20;
select pg_temp.tick(102, '20 seconds');
select pg_temp.answer_all();
select tests.decide('order 5', 'alpha', '{"entry": 100, "stopLoss": 95}');
create temp table call as select tests.next_call() as said;
select is(pg_temp.tick(99, '100 milliseconds'), 4, 'the price comes to those that rest');
select is(pg_temp.tick(102, '100 milliseconds'), 4, 'and goes');
do $$ begin perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(said -> 'request', 'working'))) from call; end $$;
select is(pg_temp.tick(102, '600 milliseconds'), 5, 'an order that it reached while it was being placed is asked about, too');

select * from finish();
rollback;
