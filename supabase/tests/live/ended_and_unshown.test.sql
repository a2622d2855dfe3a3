-- A list has ended at the exchange, and the fills that its target has are not shown yet: the books have it as open. It rests nowhere.
begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.go_live('ann');
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95, "takeProfit": [120]}');
select tests.rest_guard();
select tests.buy_live('two', 'beta', 1, '{"stopLoss": 95}');
delete from trading.jobs where status = 'queued';
update public.instruments set max_algo_orders = 1 where symbol = 'SOLUSDT';
create function pg_temp.told(p_role text, p_status text, p_executed text) returns text language plpgsql as $$
begin
  perform trading.fold_venue_report(o.id, jsonb_build_object('client_order_id', o.client_order_id, 'exchange_order_id', o.binance_order_id,
    'status', p_status, 'quantity', '1', 'executed_quantity', p_executed), trading.engine_now()) from tests.order_of('one', p_role, case p_role when 'take_profit' then 1 else 0 end) o;
  perform trading.settle_engine_targets((tests.position_of('one')).id, trading.engine_now());
  return (select case when e.fired_at is not null then 'fired' when e.is_at_venue then 'rests' else 'watched' end
    from trading.engine_targets e where e.position_id = (tests.position_of('one')).id);
end
$$;
create function pg_temp.has_slot() returns boolean language sql as $$ select trading.has_stop_slot(p) from tests.position_of('two') p $$;

select is(pg_temp.told('take_profit', 'working', '0'), 'rests', 'a target that rests is not watched by the engine');
select is(pg_temp.told('take_profit', 'partially_filled', '0.4'), 'rests', 'nor one that has executed in part');
select is(pg_temp.has_slot(), false, 'its stop takes the only slot');
select pg_temp.told('stop_loss', 'partially_filled', '0.1');
select pg_temp.told('stop_loss', 'expired', '0.1');
select is(pg_temp.has_slot(), true, 'and leaves it when it has ended, though a fill of its own is not shown');
savepoint s;
select is(pg_temp.told('take_profit', 'filled', '1'), 'rests', 'of a target that was filled nothing is left to be watched');
rollback to s;
select is(pg_temp.told('take_profit', 'cancelled', '0.4'), 'watched', 'what a target has left that ended in part the engine watches');
select is((tests.order_of('one', 'take_profit', 1)).finished_at, null, 'before its fills are shown');
select * from finish();
rollback;
