-- The exchange says that an entry has bought, and shows no fills: nothing can be guarded or sold, so somebody is told, and it is asked on.
begin;
select plan(17);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "sizing_value": 100, "signal_ttl_seconds": 3600, "entry_timeout_seconds": 3600}');
select tests.go_live('ann');
-- What the list of executions has; null: it is silent, empty: it lags.
create temp table told (shown jsonb);
insert into told values (null);
create temp table asked (n serial, at timestamptz, action text);
create function pg_temp.says(p_call jsonb) returns jsonb language plpgsql as $$
declare
  v_entry public.orders := tests.order_of('one', 'entry');
begin
  insert into asked (at, action) values (trading.engine_now(), p_call ->> 'action');
  if p_call ->> 'action' in ('lookup', 'fills') then
    return (select case when p_call ->> 'action' = 'lookup' then jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
          jsonb_build_object('client_order_id', v_entry.client_order_id, 'quantity', '1'), 'filled', 1, jsonb_build_object('updated_at_ms', 1000)))
        when told.shown is null then '{"outcome": "unknown", "reason": "venue_error"}'
        else jsonb_build_object('outcome', 'accepted', 'fills', told.shown) end from told);
  elsif p_call ->> 'action' = 'submit' then
    return jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(p_call -> 'request', 'working'));
  end if;
  return jsonb_build_object('outcome', 'rejected', 'reason', case p_call ->> 'action' when 'cancel' then 'order_not_found' else 'refused' end);
end
$$;
create function pg_temp.play(p_seconds int) returns void language plpgsql as $$
begin
  delete from asked;
  for n in 1 .. p_seconds loop
    perform tests.tick_live(99.9, '1 second');
    perform trading.sweep(trading.engine_now());
    perform tests.converse();
  end loop;
end
$$;
create function pg_temp.times(p_action text) returns bigint language sql as $$ select count(*) from asked a where a.action = p_action $$;
create function pg_temp.is_told() returns boolean language sql as $$ select tests.has_alert('fills_missing', (tests.order_of('one', 'entry')).id::text) $$;
create function pg_temp.leave(p_tokens numeric) returns void language sql as $$
  update trading.rate_budgets set tokens = p_tokens, refilled_at = trading.engine_now() where rule = 'questions'
$$;
update trading.settings set account_check_ms = 86400000, account_check_idle_ms = 86400000;
select tests.rest_entry('one', 'alpha', 100);
select is((tests.order_of('one', 'entry')).state, 'working', 'a limit entry rests');
select pg_temp.play(5);
select is((select (o.venue_executed_quantity, o.filled_quantity)::text from tests.order_of('one', 'entry') o), '(1,0)', 'it is said to have executed, and shown no fills');
select ok(not pg_temp.is_told(), 'a moment of that is nothing');
select pg_temp.play(3);
select ok(pg_temp.is_told(), 'after more than five seconds somebody is told');
select ok((select a.message from public.alerts a where a.code = 'fills_missing') like '%no stop%', 'that what was bought has no stop');
select pg_temp.play(20);
select ok(pg_temp.times('fills') >= 18, 'the question keeps its pace');

-- The answer that places an order may say it as well.
savepoint s;
update public.traders set entry_order_type = 'market';
select tests.decide('two', 'alpha', '{"stopLoss": 95}');
create temp table c as select tests.next_call() as call;
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from c), 'filled', 1)));
select is((tests.order_of('two', 'entry')).venue_executed_quantity::numeric, 1::numeric, 'an entry has executed at once');
select is(tests.next_call() #>> '{request,client_order_id}', (tests.order_of('two', 'entry')).client_order_id, 'and is asked about at once');
rollback to s;

-- A list that lags for many orders at once must not take the questions of those that a tick reaches.
update trading.rate_rules set per_second = 0.000001 where name = 'questions';
select pg_temp.leave(399);
update told set shown = '[]';
select pg_temp.play(20);
select ok(pg_temp.times('fills') <= 2, 'where that would cost the budget of reached orders it backs off');
rollback to s;

-- Whoever wants to sell waits for the fills, and no longer.
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
from tests.position_of('one') p;
select pg_temp.play(20);
select is((select status from trading.jobs where key = 'sell'), 'queued', 'what is not known to be there is not sold');
select ok((select due_at > trading.engine_now() + interval '2 seconds' from trading.jobs where key = 'sell'), 'who wants it sold waits for long');
update told set shown = jsonb_build_array(jsonb_build_object('trade_id', 'f', 'exchange_order_id', (tests.order_of('one', 'entry')).binance_order_id,
  'price', '100', 'quantity', '1', 'value', '100', 'fee', '0', 'fee_asset', 'USDT', 'is_maker', true, 'side', 'BUY', 'executed_at', trading.engine_now()));
select pg_temp.play(2);
select is((select p.quantity::numeric from tests.position_of('one') p), 1::numeric, 'the list comes');
select ok(not pg_temp.is_told(), 'the alert ends');
select is((select p.status from tests.position_of('one') p), 'closing', 'and it is sold at once');
select ok(exists (select from public.orders o where o.role = 'exit' and o.state = 'working'), 'by an order of its own');
select is((select count(*) from trading.engine_stops), 1::bigint, 'its stop is armed');
select is((select (b ->> 'positions_vs_fills')::int + (b ->> 'ledger_imbalance')::int from trading.check_books() b), 0, 'the books are right');

select * from finish();
rollback;
