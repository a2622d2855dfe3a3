begin;
select plan(3);
select tests.open_desk('{"quote_retention_ms": 3000}');
select tests.list_symbol('ADAUSDT');
select tests.tick(0.5, 0.51, p_symbol => 'ADAUSDT', p_after => '0');
select tests.tick(100 + n, 101 + n) from generate_series(1, 10) n;

select results_eq($$ select bid::numeric from trading.quotes where symbol = 'SOLUSDT' order by observed_at $$,
  $$ values (107::numeric), (108), (109), (110) $$,
  'quotes of the last three seconds are kept');
select is((select count(*) from trading.quotes where symbol = 'ADAUSDT'), 1::bigint, 'a quiet symbol keeps its last one');
select is((trading.quote_at('SOLUSDT', trading.engine_now() - interval '1500 milliseconds')).bid::numeric, 108::numeric,
  'the quote of a moment is the newest one at that moment');

select * from finish();
rollback;
