begin;
select plan(10);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann', 1000) as account;
grant select on t to public;
create function pg_temp.resume(p_force boolean default false) returns text language sql as $$
  select tests.resume('ann', 'account', (select account from t), p_force)
$$;
create function pg_temp.compare(p_orders jsonb) returns void language sql as $$
  select tests.compare((select account from t), '{"USDT": 1000}', p_orders)
$$;

-- An order with our tag that no row explains
select pg_temp.compare(jsonb_build_array(jsonb_build_object('client_order_id', (select installation_tag || '-of-another' from trading.settings),
  'exchange_order_id', '7', 'symbol', 'SOLUSDT', 'side', 'BUY', 'status', 'working', 'quantity', '1', 'executed_quantity', '0')));
select is(tests.states(), 'account halted', 'an unexplained order halts the account');
select is(pg_temp.resume(), 'FB409 cause_stands', 'which is not resumed while it is open');
select is(tests.stop('ann', 'trader', tests.trader_id('alpha')), 'trader', 'a live trader''s own stop');
select is(tests.resume('ann', 'trader', tests.trader_id('alpha')), 'halted active', 'is another matter');
select pg_temp.compare('[]');
select ok(not tests.has_alert('order_unexplained'), 'a comparison that finds it gone resolves the alert');
select is(pg_temp.resume(), 'halted active', 'and then it is resumed');

-- Keys
select trading.raise_alert(trading.engine_now(), 'critical', code, tests.user_id('ann'), 'account', (select account from t)::text, 'a test')
from unnest('{exchange_key_refused,exchange_key_wrong,exchange_key_cannot_trade}'::text[]) code;
select trading.set_trading_state('account', (select account from t), 'reducing', false, 'the exchange refuses the key', 'engine', trading.engine_now());
select is(pg_temp.resume(), 'FB409 cause_stands', 'a key that does not work is a cause too');
select pg_temp.compare('[]');
select ok(not tests.has_alert('exchange_key_wrong'), 'until the exchange answers the right key');
select is(pg_temp.resume(), 'reducing active', 'then it is resumed');

select trading.raise_alert(trading.engine_now(), 'critical', 'exchange_key_refused', tests.user_id('ann'), 'account', (select account from t)::text, 'a test');
select trading.set_trading_state('account', (select account from t), 'reducing', false, 'the exchange refuses the key', 'engine', trading.engine_now());
select is(pg_temp.resume(true), 'reducing active', 'with force it is resumed all the same');

select * from finish();
rollback;
