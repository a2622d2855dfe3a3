begin;
select plan(6);
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

select * from finish();
rollback;
