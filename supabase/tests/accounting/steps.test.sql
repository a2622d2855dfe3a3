begin;
select plan(3);

create temporary table cases (value numeric, step numeric, below numeric, above numeric);
insert into cases values
  (1.2345, 0.001, 1.234, 1.235), (1.234, 0.001, 1.234, 1.234), (0.0009, 0.001, 0, 0.001), (0, 0.001, 0, 0),
  (100, 25, 100, 100), (101, 25, 100, 125), (1.2345, 0, 1.2345, 1.2345), (0.3, 0.1, 0.3, 0.3),
  (100.00000000000000000000000000000000, 0.01, 100, 100);

select results_eq($$ select value, trading.floor_to_step(value, step) from cases $$, 'select value, below from cases',
  'the multiple of a step below, or the value itself; a step of 0 is no rule');
select results_eq($$ select value, trading.ceil_to_step(value, step) from cases $$, 'select value, above from cases',
  'the multiple of a step above, or the value itself');
select is((select max(scale(trading.ceil_to_step(value, step))) from cases), 4,
  'no digits are dragged along: prices allow 18 decimals, zeros included');

select * from finish();
rollback;
