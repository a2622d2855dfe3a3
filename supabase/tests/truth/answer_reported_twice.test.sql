begin;
select plan(16);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
-- The reply to a report gets lost, so it is reported again: what the first one permitted was never begun.
create temp table t (report jsonb, first jsonb, again jsonb);
create function pg_temp.report_twice(p_answer jsonb) returns void language plpgsql as $$
declare
  v_work tests.live_work;
  v_call bigint;
begin
  select * into v_work from tests.live_work;
  v_call := (v_work.answer #>> '{call,id}')::bigint;
  delete from t;
  insert into t (report, first) select p_answer, trading.answer_call(v_work.job_id, v_work.fence, v_call, p_answer);
  update t set again = trading.answer_call(v_work.job_id, v_work.fence, v_call, p_answer);
  update tests.live_work set answer = t.again from t;
end
$$;
create function pg_temp.open_next() returns void language sql as $$
  update trading.exchange_calls c set opened_at = c.permitted_at from t where c.id = (t.again #>> '{call,id}')::bigint
$$;
create function pg_temp.calls() returns bigint language sql as $$ select count(*) from trading.exchange_calls $$;

-- An exit whose question was answered twice sells once. --------------------------------------------------------------------
select tests.buy_live('three', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
update trading.exchange_clocks set measured_at = trading.engine_now() - interval '10 minutes';
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('three') p;
select is(tests.next_call() ->> 'action', 'server_time', 'an exit that has to measure the clock');
select pg_temp.report_twice(jsonb_build_object('outcome', 'accepted', 'server_time_ms', floor(extract(epoch from trading.engine_now()) * 1000), 'elapsed_ms', 1));
select is((select array_agg(o.state) from public.orders o where o.position_id = (tests.position_of('three')).id and o.role = 'exit'), '{submitting}',
  'has one sale, which is still to be sent');
select is((select count(*) from public.alerts where code = 'exit_failed'), 0::bigint, 'and none that failed');
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');

-- An entry waits for the exchange's time, and its permit's reply is lost. ------------------------------------------------
delete from trading.exchange_clocks;
select tests.decide('one', 'alpha');
select is(tests.next_call() ->> 'action', 'server_time', 'an entry asks for the time first');
select pg_temp.report_twice(jsonb_build_object('outcome', 'accepted', 'server_time_ms', floor(extract(epoch from trading.engine_now()) * 1000), 'elapsed_ms', 1));
select is((select first #>> '{call,action}' from t), 'submit', 'the first report permits the order');
select is((select again - 'next' from t), (select first - 'next' from t), 'the second gets the same call, not a new one');
select is((tests.order_of('one', 'entry')).state, 'submitting', 'the entry is not over');
select is((select c.answered_at from trading.exchange_calls c, t where c.id = (t.again #>> '{call,id}')::bigint), null, 'nobody has given it up');
select is((select count(*) from trading.call_orders l, t where l.call_id = (t.again #>> '{call,id}')::bigint), 1::bigint, 'it places one order, once');

-- Once its key is open, a report that comes late changes nothing. -------------------------------------------------------
select pg_temp.open_next();
create temp table before as select pg_temp.calls() as calls;
select throws_like(format('select trading.answer_call(%s, %s, %s, %L)', w.job_id, w.fence, (select c.id from trading.exchange_calls c where c.action = 'server_time' order by id desc limit 1), t.report),
  'call_under_way%', 'a report that was longer on its way is dropped') from tests.live_work w, t;
select is((tests.order_of('one', 'entry')).state, 'submitting', 'the order under way stays what it is');
select is(pg_temp.calls(), (select calls from before), 'no call is made besides');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select again #> '{call,request}' from t), 'working')));
select is((tests.order_of('one', 'entry')).state, 'working', 'and its own answer counts');

-- After its window it is handed out, and the key refuses it: known not to have left. ---------------------------------------
delete from trading.exchange_clocks;
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select tests.decide('two', 'alpha');
select tests.next_call();
select pg_temp.report_twice(jsonb_build_object('outcome', 'accepted', 'server_time_ms', floor(extract(epoch from trading.engine_now()) * 1000), 'elapsed_ms', 1));
select trading.set_clock(trading.engine_now() + interval '3 seconds');
select throws_like(format('select trading.open_key(%s)', (select again #>> '{call,id}' from t)), 'call_over%', 'its window bounds it as before');

-- Another answer of the same call is no repetition. ------------------------------------------------------------------------
select is(trading.permitted_with(j, c.id, '{"outcome": "rejected"}'), null, 'other words are not the same answer')
from tests.live_work w join trading.jobs j on j.id = w.job_id join trading.exchange_calls c on c.job_id = j.id and c.action = 'server_time';
select is(trading.permitted_with(jsonb_populate_record(j, '{"attempts": 7}'), c.id, c.answer), null, 'nor is one of another attempt')
from tests.live_work w join trading.jobs j on j.id = w.job_id join trading.exchange_calls c on c.job_id = j.id and c.action = 'server_time';

select * from finish();
rollback;
