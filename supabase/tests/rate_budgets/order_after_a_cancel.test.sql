-- Beside other coins what rests ends before the order that takes its place: not for one that could not leave then.
begin;
select plan(13);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, null::uuid as position;
update t set position = tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 4}') from generate_series(1, 2);
delete from trading.jobs where status = 'queued';
create function pg_temp.answers(p_status text) returns jsonb language sql as $$
  select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(w.answer #> '{call,request}', p_status))) from tests.live_work w
$$;
create function pg_temp.sell(p_key text) returns text language plpgsql as $$
begin
  perform trading.enqueue_job('exit', p_key, p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
  from public.positions p, t where p.id = t.position;
  return tests.next_call() ->> 'action';
end
$$;
create function pg_temp.hold(p_orders int) returns void language sql as $$
  update trading.rate_budgets set blocked_until = null, tokens = p_orders, refilled_at = trading.engine_now() where rule = 'orders_10s'
$$;
create function pg_temp.left_over() returns numeric language sql as $$ select trim_scale(b.tokens) from trading.rate_budgets b where b.rule = 'orders_10s' $$;
create function pg_temp.is_guarded() returns boolean language sql as $$
  select s.naked_since is null and exists (select from public.orders o where o.role = 'stop_loss' and o.state = 'working') from trading.engine_stops s
$$;

select trading.block_budget('orders_10s', account, trading.engine_now() + interval '1 hour', trading.engine_now()) from t;
select is(pg_temp.sell('shut'), 'check_order', 'a sale asks whether it would be taken');
select is(pg_temp.answers('working') ->> 'code', 'FB429', 'and waits while the exchange takes no orders');
select ok(pg_temp.is_guarded(), 'beneath its stop');
delete from trading.jobs where status = 'queued';
update public.positions p set stop_loss_price = 97 from t where p.id = t.position;
select trading.queue_protection(position, trading.engine_now()) from t;
select is(tests.next_call() ->> 'action', 'check_order', 'a stop that is to be moved');
select is(pg_temp.answers('working') ->> 'code', 'FB429', 'stays');
select ok(pg_temp.is_guarded(), 'where it is');
delete from trading.jobs where status = 'queued';

-- A stop that comes back with its target is two orders.
update public.positions p set take_profit_prices = '{120}' from t where p.id = t.position;
select pg_temp.hold(1);
select trading.queue_protection(position, trading.engine_now()) from t;
select tests.next_call();
select is(pg_temp.answers('working') ->> 'code', 'FB429', 'a stop is not moved for a list of which the budget holds half');
delete from trading.jobs where status = 'queued';
select pg_temp.hold(2);
select trading.queue_protection(position, trading.engine_now()) from t;
select tests.next_call();
select is(pg_temp.answers('working') #>> '{call,action}', 'cancel', 'but for a whole one');
select tests.answer('{"outcome": "not_sent", "reason": "window_over", "message": "its window was over before it could leave", "requests": 0}');
delete from trading.jobs where status = 'queued';

select pg_temp.hold(1);
select pg_temp.sell('late');
select pg_temp.answers('working');
select tests.answer('{"outcome": "not_sent", "reason": "window_over", "message": "its window was over before it could leave", "requests": 0}');
select is(pg_temp.left_over(), 1::numeric, 'a cancel that never left gives the order back that it drew for the sale');
delete from trading.jobs where status = 'queued';
select pg_temp.sell('last');
select is(pg_temp.answers('working') #>> '{call,action}', 'cancel', 'for the last order there is a stop is ended');
select is(trading.draw_budget(account, 'exit', 1, 1, trading.engine_now()) ->> 'granted', 'false', 'which nobody else takes meanwhile') from t;
select is(pg_temp.answers('cancelled') #>> '{call,action}', 'submit', 'the sale has it');
select is(pg_temp.left_over(), 0::numeric, 'and draws it once');

select * from finish();
rollback;
