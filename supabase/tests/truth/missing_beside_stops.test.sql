-- Who lacks what, where several positions hold one asset: what a stop has locked at the exchange is there.
begin;
select plan(11);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('old', 'alpha', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select tests.tick(99.99, 100);
select tests.buy_live('new', 'beta', 1, '{"stopLoss": 95}');
select tests.rest_guard();
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 2}');
create function pg_temp.end_stop(p_signal text) returns void language plpgsql as $$
begin
  perform trading.fold_venue_report((tests.order_of(p_signal, 'stop_loss')).id, '{"status": "cancelled", "executed_quantity": "0"}', trading.engine_now());
  delete from trading.jobs where status = 'queued';
end
$$;
create function pg_temp.compare(p_sol text) returns text language plpgsql as $$
begin
  for v_time in 1 .. 2 loop
    delete from trading.jobs where status = 'queued';
    perform tests.compare((select account from t), jsonb_build_object('USDT', '9800', 'SOL', p_sol));
  end loop;
  return (select string_agg(n || ' ' || trim_scale(trading.missing_coins((tests.position_of(n)).id)), ', ' order by n desc) from unnest('{new,old}'::text[]) n);
end
$$;
create function pg_temp.sells(p_signal text) returns text language plpgsql as $$
declare
  v_call jsonb;
begin
  delete from trading.jobs where status = 'queued';
  perform trading.enqueue_job('exit', 'sell ' || p_signal, p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "stop_loss"}')
  from tests.position_of(p_signal) p;
  v_call := tests.next_call();
  return coalesce(v_call #>> '{request,order,quantity}', v_call #>> '{request,quantity}', (select j.outcome ->> 'code' from trading.jobs j where j.key = 'sell ' || p_signal));
end
$$;

-- One lacks 0.4, and its stop rests for the rest. Then all of the other one's is taken ---------------------------------------------------
select pg_temp.end_stop('old');
select is(pg_temp.compare('1.6'), 'old 0.4, new 0', 'what is gone lacks to the one whose stop does not rest, though it is the older one');
select is(tests.rest_guard() #>> '{request,quantity}', '0.6', 'which has a stop for the rest');
savepoint s;
select pg_temp.end_stop('new');
select is(pg_temp.compare('0.6'), 'old 0.4, new 1', 'it keeps that lack and gets no more, for its stop has locked what is left');
savepoint whole;
select is(pg_temp.sells('old'), '0.6', 'it sells what its stop has locked');
rollback to whole;
select is(pg_temp.sells('new'), 'coins_missing', 'and the other one, which has nothing, nothing');
rollback to whole;
select is(pg_temp.compare('0.8'), 'old 0.2, new 1', 'coins that come back are given to the one that has a stop');
rollback to s;
-- No stop rests: who lacks coins already gets more of it before another one is set aside.
select pg_temp.end_stop('old');
select pg_temp.end_stop('new');
select is(pg_temp.compare('1.2'), 'old 0.8, new 0', 'without stops it grows');
select is(pg_temp.compare('0.5'), 'old 1, new 0.5', 'and what is more than one has lacks to the next');
-- Its coins are back, and nobody has released it yet.
rollback to s;
select is(pg_temp.compare('2'), 'old 0, new 0', 'nothing is gone');
update public.orders set quantity = 1 where role = 'stop_loss' and state = 'working';
select pg_temp.end_stop('new');
select is(pg_temp.compare('1'), 'old 0, new 1', 'who was set aside once is not therefore the one that lacks what goes now');

-- A list of open orders may be without what the exchange ended. ---------------------------------------------------------------------------
select is((select sum(s.quantity) from t, trading.shares_of_missing(t.account, 'SOL', 1.5) s), 1.5, 'all that is missing lacks to somebody, locked or not');
select * from finish();
rollback;
