begin;
select plan(1);
select tests.open_desk();
select tests.resting_entry('buy', 1);
select tests.hire('alpha');
select tests.tick(99.99, 100, '{"low": 100}');
select tests.enter('sell', 'alpha', '{"stopLoss": 95, "takeProfit": [110]}');

create function pg_temp.answer(p_signal text, p_role text, p_level int, p_bid numeric, p_ask numeric, p_low numeric, p_high numeric) returns text language sql as $$
  select trading.paper_rest(o, i, jsonb_populate_record(null::trading.quotes, jsonb_build_object('symbol', 'SOLUSDT', 'bid', p_bid, 'ask', p_ask, 'low', p_low,
    'high', p_high, 'last', p_bid, 'hash', 'none')), s, trading.engine_now()) ->> 'status'
  from tests.order_of(p_signal, p_role, p_level) o, public.instruments i, trading.settings s
$$;
select results_eq(
  $$ select c.side, c.bid, c.ask, c.low, c.high, case c.side when 'buy' then pg_temp.answer('buy', 'entry', 0, c.bid, c.ask, c.low, c.high)
       else pg_temp.answer('sell', 'take_profit', 1, c.bid, c.ask, c.low, c.high) end from (values
     ('buy', 99.9, 100, 100, 100), ('buy', 99.9, 99.99, 99.99, 100), ('buy', 100.1, 100.2, 99.99, 101), ('buy', 100.1, 100.2, 100, 101),
     ('sell', 110, 110.1, 109, 110), ('sell', 110.01, 110.02, 109, 110.01), ('sell', 109, 109.1, 109, 110.01), ('sell', 109, 109.1, 109, 110)) c (side, bid, ask, low, high) $$,
  $$ values ('buy', 99.9, 100, 100, 100, 'working'), ('buy', 99.9, 99.99, 99.99, 100, 'filled'), ('buy', 100.1, 100.2, 99.99, 101, 'filled'), ('buy', 100.1, 100.2, 100, 101, 'working'),
     ('sell', 110, 110.1, 109, 110, 'working'), ('sell', 110.01, 110.02, 109, 110.01, 'filled'), ('sell', 109, 109.1, 109, 110.01, 'filled'), ('sell', 109, 109.1, 109, 110, 'working') $$,
  'a resting limit is filled when its price was traded through, never when it was touched');

select * from finish();
rollback;
