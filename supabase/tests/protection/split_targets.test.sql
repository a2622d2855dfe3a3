begin;
select plan(7);
select tests.open_desk();
create function pg_temp.split(p_quantity numeric, p_prices numeric[]) returns text language sql as $$
  select string_agg(trim_scale(s.quantity) || '@' || s.price, ' ' order by s.part) from public.instruments i, trading.split_targets(p_quantity, p_prices, i) s
$$;

select is(pg_temp.split(1, '{110}'), '1@110', 'one target takes all');
select is(pg_temp.split(1, '{110,120,130}'), '0.333@110 0.333@120 0.334@130', 'several take equal parts, the last the rest');
select is(pg_temp.split(0.1, '{110,120,130}'), '0.05@110 0.05@120',
  'where three parts would be too small for the exchange, the two nearest are served');
select is(pg_temp.split(0.06, '{110,120,130}'), '0.06@110', 'or the nearest alone');
select is(pg_temp.split(0.04, '{110,120,130}'), null, 'or none');
select is(pg_temp.split(1, '{}'), null, 'no target, no order');
select is(pg_temp.split(1, null), null, 'nor from none known');

select * from finish();
rollback;
