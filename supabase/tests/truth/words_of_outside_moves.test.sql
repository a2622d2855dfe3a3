begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;

create function pg_temp.told() returns text language sql as $$
  select string_agg(format('%s (%s)', a.message, a.occurrences), ' | ' order by a.created_at, a.id) from public.alerts a where a.code = 'external_move'
$$;

select tests.compare((select account from t), '{"USDT": 10000, "ETH": 2.5}') from generate_series(1, 2);
select is(pg_temp.told(), '2.5 ETH came into the exchange account by other hands than the engine''s. (1)', 'coins that came are told with how many');
select tests.compare((select account from t), '{"USDT": 10000, "ETH": 2}') from generate_series(1, 2);
select is(pg_temp.told(), '0.5 ETH left the exchange account by other hands than the engine''s. (2)', 'the open alert speaks of the newest');
select is((select (a.detail ->> 'quantity', a.detail ->> 'kind')::text from public.alerts a where a.code = 'external_move'), '(-0.5,coins)', 'as its detail does');

-- The owner's trade that explains it, in two pieces.
select trading.note_outside_move((select account from t), 'trade', 'ETH', -0.2, trading.engine_now(), '{"symbol": "ETHUSDT", "price": "3000", "trade_id": "7", "side": "SELL"}');
select trading.note_outside_move((select account from t), 'trade', 'ETH', -0.3, trading.engine_now(), '{"symbol": "ETHUSDT", "price": "3001", "trade_id": "8", "side": "SELL"}');
select is((select message from public.alerts where code = 'external_move' and subject_id like '%:trades'),
  'The owner''s own trade at the exchange: sold 0.3 ETH at 3001. It explains what moved there and does not add to it.', 'a trade says that it is part of what moved');
select is((select message from public.alerts where code = 'external_move' and subject_id like '%:ETH'),
  '0.5 ETH left the exchange account by other hands than the engine''s.', 'and leaves what is told of the whole alone');
select is((select sum(m.quantity::numeric) from trading.outside_moves m where m.asset = 'ETH' and m.kind = 'coins'), 2::numeric, 'the rows of coins add up to what moved');
select is((select sum(m.quantity::numeric) from trading.outside_moves m where m.asset = 'ETH' and m.kind = 'trade'), -0.5::numeric, 'the trades to what they explain of it');

select * from finish();
rollback;
