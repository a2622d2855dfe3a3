-- A target executes in part, and its symbol is struck off the exchange's list before anybody has seen the fill.
begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('one', 'alpha');
select tests.rest_guard();
select trading.fold_venue_report(o.id, tests.venue_report(jsonb_build_object('client_order_id', o.client_order_id, 'quantity', '1'), 'partially_filled', 0.4), trading.engine_now())
from tests.order_of('one', 'take_profit', 1) o;
update public.instruments set status = 'DELISTED' where symbol = 'SOLUSDT';
create function pg_temp.compare() returns jsonb language plpgsql as $$
begin
  delete from trading.jobs where status = 'queued';
  return tests.compare((select account from t), '{"USDT": 9948, "SOL": 0.6}', '[]');
end
$$;
select pg_temp.compare() from generate_series(1, 2);
select is((select string_agg(concat_ws(' ', o.role, o.state, o.error_code), ', ' order by o.role) from public.orders o where o.side = 'SELL'),
  'stop_loss cancelled symbol_delisted, take_profit cancelled symbol_delisted', 'both legs went with their symbol, whatever was executed');
select is((select unsettled_assets from trading.account_checks order by id desc limit 1), '{BNB,SOL,USDT}', 'so far nobody knew what they had moved');
select pg_temp.compare() from generate_series(1, 3);
select is((select unsettled_assets from trading.account_checks order by id desc limit 1), '{}', 'from then on the account is compared');
select is((select missing_quantity::numeric from trading.quarantines where ended_at is null), 0.4, 'and what no list will show any more is missing, for its owner to decide');
select * from finish();
rollback;
