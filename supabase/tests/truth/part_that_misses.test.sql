-- A part of what is held, beside other coins, misses its window again and again: its stop ends for it each time.
begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}') from generate_series(1, 2);
delete from trading.jobs where status = 'queued';
delete from trading.naked_moments;
delete from trading.rate_budgets;
create temp table calls (at timestamptz, kind text, action text);
create function pg_temp.says(p_call jsonb) returns jsonb language plpgsql as $$
begin
  insert into calls select trading.engine_now(), j.kind, p_call ->> 'action' from tests.live_work w join trading.jobs j on j.id = w.job_id;
  return case
    when p_call #>> '{request,type}' = 'MARKET' and p_call ->> 'action' = 'submit' then '{"outcome": "not_sent", "reason": "window_over", "message": "its time was over"}'
    when p_call ->> 'action' in ('submit', 'cancel') then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(p_call -> 'request',
      case p_call ->> 'action' when 'submit' then 'working' else 'cancelled' end))
    else '{"outcome": "accepted"}' end;
end
$$;
select trading.enqueue_job('exit', 'part', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "ai", "quantity": "0.4"}')
from public.positions p, t where p.id = t.position;
select tests.converse('100 milliseconds') from generate_series(1, 100);

select cmp_ok((select count(*) from calls where kind = 'exit' and action = 'submit'), '>=', 4::bigint, 'it is tried every two seconds');
select cmp_ok((select count(*) from calls where kind = 'protect' and action = 'submit'), '<=', 6::bigint, 'and not more often: each try costs a stop');
select is((select coalesce(max(n.ended_at - n.began_at), '0') from trading.naked_moments n), interval '0', 'which is back at once');
select cmp_ok((select b.tokens from trading.rate_budgets b where b.rule = 'orders_10s'), '>=', 44::numeric, 'the account has its orders for others');

select * from finish();
rollback;
