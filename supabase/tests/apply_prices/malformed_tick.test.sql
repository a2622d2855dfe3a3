begin;
select plan(8);
select tests.open_desk();
create temporary table before as select * from tests.snapshot();
select tests.raises($$ select trading.apply_prices('{}') $$, 'FB400', 'quotes_invalid', 'a tick is a list');
select tests.raises($$ select trading.apply_prices('null') $$, 'FB400', 'quotes_invalid', 'not nothing');
select tests.raises($$ select trading.apply_prices(null) $$, 'FB400', 'quotes_invalid', 'not even null');
select tests.raises($$ select trading.apply_prices((select jsonb_agg('{}'::jsonb) from generate_series(1, 5001))) $$, 'FB400',
  'quotes_invalid',
  'of at most five thousand quotes');
select is(trading.apply_prices('[]'), '{"applied": 0, "stops": 0, "limits": 0, "refused": []}'::jsonb, 'an empty one is answered');
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing has changed');


-- One bad quote must not cost the others their prices.
select is(
  trading.apply_prices(jsonb_build_array('null'::jsonb, '{"symbol": "ADAUSDT", "bid": "abc", "ask": 1}'::jsonb, jsonb_build_object('symbol', 'SOLUSDT',
    'bid', 101, 'ask', 102, 'observed_at', trading.engine_now() + interval '1 second'))) - 'stops' - 'limits',
  '{"applied": 1, "refused": [null, "ADAUSDT"]}'::jsonb, 'a quote that cannot be read is left out and named');
select is((select bid::numeric from public.market_prices where symbol = 'SOLUSDT'), 101::numeric, 'the others are applied');

select * from finish();
rollback;
