-- A target is executed but for one lot step; what is left cannot be sold by itself, and the step may still be executed.
begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.buy_live('one', 'alpha');
select tests.obey();
create function pg_temp.sold(p_id text, p_quantity numeric) returns jsonb language sql as $$
  select jsonb_build_object('trade_id', p_id, 'exchange_order_id', o.binance_order_id, 'price', '120', 'quantity', p_quantity::text,
    'value', (120 * p_quantity)::text, 'fee', '0', 'fee_asset', 'USDT', 'is_maker', true, 'side', 'SELL', 'executed_at', trading.engine_now())
  from tests.order_of('one', 'take_profit', 1) o
$$;
create function pg_temp.tell(p_role text, p_status text, p_executed numeric, p_fills jsonb default '[]') returns void language sql as $$
  select trading.fold_venue_report(o.id, jsonb_build_object('client_order_id', o.client_order_id, 'exchange_order_id', o.binance_order_id, 'status', p_status,
    'executed_quantity', p_executed::text, 'fills', p_fills), trading.engine_now())
  from tests.order_of('one', p_role, case p_role when 'take_profit' then 1 else 0 end) o
$$;

select pg_temp.tell('stop_loss', 'expired', 0);
select pg_temp.tell('take_profit', 'partially_filled', 0.999, jsonb_build_array(pg_temp.sold('1', 0.999)));
select is((select status || ' ' || quantity::numeric from tests.position_of('one')), 'open 0.001', 'a rest too small to be sold is not dust while an order may still sell it');
select is((select count(*) from trading.dust_pools where quantity > 0), 0::bigint, 'nothing is booked as such');
select is(tests.next_call() ->> 'action', 'lookup', 'the target is asked about');
select is(tests.answer(jsonb_build_object('outcome', 'accepted', 'order', jsonb_build_object('client_order_id', (tests.order_of('one', 'take_profit', 1)).client_order_id,
  'exchange_order_id', (tests.order_of('one', 'take_profit', 1)).binance_order_id, 'status', 'partially_filled', 'quantity', '1', 'executed_quantity', '0.999'))) #>> '{call,action}',
  'cancel', 'and ended, as it would rest for long');

select pg_temp.tell('take_profit', 'filled', 1, jsonb_build_array(pg_temp.sold('1', 0.999), pg_temp.sold('2', 0.001)));
select is((select status || ' ' || trim_scale(realized_pnl::numeric) from tests.position_of('one')), 'closed 20', 'its last step is booked where it comes before that');
select is((select count(*) from trading.quarantines), 0::bigint, 'nothing contradicts the books');

update trading.jobs set status = 'done', finished_at = now(), lease_until = null where status in ('queued', 'running');
select tests.buy_live('two', 'alpha');
select tests.obey();
select trading.fold_venue_report(o.id, jsonb_build_object('client_order_id', o.client_order_id, 'exchange_order_id', o.binance_order_id, 'status', 'partially_filled',
  'executed_quantity', '0.999', 'fills', jsonb_build_array(pg_temp.sold('3', 0.999) || jsonb_build_object('exchange_order_id', o.binance_order_id))), trading.engine_now())
from tests.order_of('two', 'take_profit', 1) o;
select trading.fold_venue_report(o.id, jsonb_build_object('client_order_id', o.client_order_id, 'status', 'cancelled', 'executed_quantity', '0.999'), trading.engine_now())
from tests.order_of('two', 'take_profit', 1) o;
select is((select status || ' ' || dust_quantity::numeric from tests.position_of('two')), 'closed 0.001', 'when it ends without that, the rest is dust');

select * from finish();
rollback;
