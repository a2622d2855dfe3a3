-- Stops of many positions, executed by the exchange in one tick, with a request budget that is small for them.
begin;
select plan(8);
select tests.open_desk();
create function pg_temp.later(p_by interval) returns void language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  update trading.exchange_clocks set measured_at = trading.engine_now();
end
$$;
create function pg_temp.guarded(p_name text) returns void language plpgsql as $$
begin
  perform tests.hire(p_name, p_name);
  perform pg_temp.later('10 seconds');
  perform tests.go_live(p_name);
  perform tests.buy_live(p_name, p_name, 1, '{"stopLoss": 95}');
  perform tests.obey();
end
$$;
-- The exchange has executed every stop at 95; there is nothing left to cancel.
create function pg_temp.tell(p_call jsonb) returns jsonb language plpgsql as $$
declare
  v_order public.orders;
begin
  select * into v_order from public.orders o where o.id = (select c.order_id from trading.exchange_calls c where c.id = (p_call ->> 'id')::bigint);
  return case p_call ->> 'action'
    when 'lookup' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
      jsonb_build_object('client_order_id', v_order.client_order_id, 'quantity', '1'), 'filled', 1))
    when 'fills' then jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(jsonb_build_object('trade_id', 'sold ' || v_order.id, 'price', '95',
      'exchange_order_id', v_order.binance_order_id, 'quantity', '1', 'value', '95', 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL',
      'executed_at', trading.engine_now())))
    else '{"outcome": "rejected", "reason": "cancel_failed", "code": -2022, "message": "Order cancel-replace failed."}' end;
end
$$;
-- Many workers: all jobs that are due are begun, then all calls answered, and so on, until nothing is due.
create temp table work (job_id bigint, fence bigint, call jsonb);
create function pg_temp.begin_all() returns int language plpgsql as $$
declare
  v_job    jsonb;
  v_answer jsonb;
  v_detail text;
  v_begun  int := 0;
begin
  loop
    v_job := trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) #> '{jobs,0}';
    exit when v_job is null;
    v_begun := v_begun + 1;
    begin
      v_answer := trading.execute_job((v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint);
    exception when sqlstate 'FB429' then
      get stacked diagnostics v_detail = pg_exception_detail;
      perform trading.fail_job((v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint, 'FB429', sqlerrm, v_detail);
      continue;
    end;
    insert into work select (v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint, v_answer -> 'call' where v_answer ? 'call';
  end loop;
  return v_begun;
end
$$;
create function pg_temp.work_through() returns void language plpgsql as $$
declare
  v_work work;
  v_answer jsonb;
begin
  while pg_temp.begin_all() > 0 or exists (select from work) loop
    for v_work in delete from work returning * loop
      update trading.exchange_calls c set opened_at = c.permitted_at where c.id = (v_work.call ->> 'id')::bigint;
      v_answer := trading.answer_call(v_work.job_id, v_work.fence, (v_work.call ->> 'id')::bigint, pg_temp.tell(v_work.call));
      insert into work select v_work.job_id, v_work.fence, v_answer -> 'call' where v_answer ? 'call';
    end loop;
  end loop;
end
$$;
select pg_temp.guarded('owner-' || n) from generate_series(1, 12) n;
select is((select count(*) from trading.engine_stops), 12::bigint, 'twelve positions are guarded');
update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
create temp table before as select coalesce(max(id), 0) as id from trading.exchange_calls;

-- Enough to ask about all of them, and not for their fills as well.
update trading.rate_rules set burst = 68, per_second = 8, entry_reserve = 30, check_reserve = 50, ask_reserve = 20 where name = 'request_weight';
delete from trading.rate_budgets;
select tests.tick(94.9, 95);
update trading.exchange_clocks set measured_at = trading.engine_now();
select pg_temp.work_through();
select cmp_ok((select count(*) from public.positions where status = 'closed'), '>=', 3::bigint, 'some of them are known to be sold at once');
create temp table known as select count(*) as positions from public.positions where status = 'closed';
select pg_temp.later('2 seconds');
select pg_temp.work_through();
select cmp_ok((select count(*) from public.positions where status = 'closed'), '>', (select positions from known),
  'what the budget yields goes to the fills, not to asking the same again');
create temp table waited as select 2 as seconds;
do $$
begin
  for v_second in 3 .. 60 loop
    exit when not exists (select from public.positions where status <> 'closed');
    perform pg_temp.later('1 second');
    perform trading.queue_due_syncs(trading.engine_now());
    perform pg_temp.work_through();
    update waited set seconds = v_second;
  end loop;
end
$$;
select is((select count(*) from public.positions where status = 'closed'), 12::bigint, 'all in the end');
select cmp_ok((select seconds from waited), '<=', 10, 'as fast as the budget allows');
select cmp_ok((select sum(c.weight) from trading.exchange_calls c, before b where c.id > b.id), '<=', 12 * 10::bigint, 'for ten of weight each');
select is((select count(*) from trading.exchange_calls c, before b where c.id > b.id and c.action = 'replace' and exists (
  select from trading.exchange_calls l where l.order_id = c.order_id and l.action = 'lookup' and l.outcome = 'accepted' and l.id < c.id and l.id > b.id)), 0::bigint,
  'what is known to be executed is not sold again');
select is((select max(n) from (select count(*) as n from trading.exchange_calls c, before b where c.id > b.id and c.action = 'fills' group by c.order_id) f), 1::bigint,
  'and its fills are asked for once');

select * from finish();
rollback;
