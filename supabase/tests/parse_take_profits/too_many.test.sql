begin;
select plan(2);

select is(cardinality(trading.parse_take_profits((select jsonb_agg(100 + n) from generate_series(1, 10) n))), 10, 'ten targets are read');
select is(cardinality(trading.parse_take_profits((select jsonb_agg(100 + n) from generate_series(1, 100000) n))), 11,
  'of a hundred thousand no more than it takes to see that they are too many');

select * from finish();
rollback;
