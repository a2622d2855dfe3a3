begin;
select plan(1);

create temporary table cases (dividend numeric, divisor numeric, scale int, quotient numeric);
insert into cases values
  (1, 2, 0, 0), (3, 2, 0, 2), (5, 2, 0, 2), (7, 2, 0, 4),                           -- halves go to the even neighbour
  (-1, 2, 0, 0), (-3, 2, 0, -2), (3, -2, 0, -2), (-5, -2, 0, 2),                    -- on both sides of zero
  (2.5000000000000000000000000000000000001, 1, 0, 3), (1, 3, 4, 0.3333), (2, 3, 4, 0.6667),
  (0.125, 1, 2, 0.12), (0.375, 1, 2, 0.38), (0, 7, 18, 0),
  (1, 3, 18, 0.333333333333333333), (2, 3, 18, 0.666666666666666667),
  (282, 2.997, 18, 94.094094094094094094), (123456789, 7, 18, 17636684.142857142857142857),
  (0.0000000000000000015, 1, 18, 0.000000000000000002), (0.0000000000000000025, 1, 18, 0.000000000000000002),
  (1e30, 7, 2, 142857142857142857142857142857.14);                                  -- exact where a float has 16 digits

select results_eq(
  $$ select dividend, divisor, trading.divide_half_even(dividend, divisor, scale) from cases $$,
  $$ select dividend, divisor, quotient from cases $$,
  'a quotient is rounded once, half to even');

select * from finish();
rollback;
