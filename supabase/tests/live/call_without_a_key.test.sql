begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
-- A worker dies between a call's permit and the opening of its key.
create function pg_temp.lose_worker(p_is_opened boolean) returns jsonb language plpgsql as $$
declare
  v_call jsonb := tests.next_call();
begin
  update trading.exchange_calls c set opened_at = case when p_is_opened then c.permitted_at end where c.id = (v_call ->> 'id')::bigint;
  update trading.jobs set status = 'queued', worker = null, lease_until = null where status = 'running';
  delete from tests.live_work;
  return v_call;
end
$$;
create function pg_temp.opened(p_call jsonb) returns text language plpgsql as $$
begin
  perform trading.open_key((p_call ->> 'id')::bigint);
  return 'opened';
exception when others then
  return sqlstate || ' ' || split_part(sqlerrm, ':', 1);
end
$$;

select tests.decide('one', 'alpha');
create temp table lost as select pg_temp.lose_worker(false) as call;
select is(tests.next_call() ->> 'action', 'submit', 'the decision that nobody sent is tried again');
select is((select array_agg(state order by attempt) from public.orders where signal_id = tests.signal_id('one') and role = 'entry'), '{not_sent,submitting}',
  'the first order is known not to have left, without a question');
select is((select count(distinct client_order_id) from public.orders where signal_id = tests.signal_id('one')), 2::bigint, 'the second one has an id of its own');
select tests.answer(jsonb_build_object('outcome', 'rejected', 'reason', 'refused'));
select is(pg_temp.opened((select call from lost)), 'FB409 call_over', 'the worker that was believed dead gets no key for it any more');

select tests.decide('two', 'alpha');
update lost set call = pg_temp.lose_worker(true);
select tests.next_call();
select is((select state from public.orders where signal_id = tests.signal_id('two') and role = 'entry'), 'unknown', 'one whose key was opened may have left: nobody knows');
select cmp_ok((select count(*) from trading.jobs where kind = 'sync' and order_id is not null), '>=', 1::bigint, 'so it is asked about');

update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select tests.decide('three', 'alpha');
update lost set call = tests.next_call();
update trading.exchange_calls c set opened_at = null from lost l where c.id = (l.call ->> 'id')::bigint;
select is(pg_temp.opened((select call from lost)), 'opened', 'a key is opened for a permitted call');
select is(pg_temp.opened((select call from lost)), 'FB409 call_over', 'once');
select isnt((select c.opened_at from trading.exchange_calls c, lost l where c.id = (l.call ->> 'id')::bigint), null, 'and the call says when');

select * from finish();
rollback;
