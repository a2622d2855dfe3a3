begin;
select plan(4);
select tests.open_desk();
select tests.resting_entry('one', 7);
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 7, tests.fill('1', 100, 7, 0.01));

-- Seven sevenths of 700.01, which no decimal can hold: each is rounded, the last takes what is left.
create function pg_temp.sell_one(p_n int) returns numeric language plpgsql as $$
begin
  perform tests.sent_exit('one', 1);
  perform tests.report((tests.order_of('one', 'exit')).id, 'filled', 1, tests.fill('s' || p_n, 100, 1));
  return (tests.position_of('one')).cost;
end
$$;
create temporary table costs as select n, pg_temp.sell_one(n) as cost from generate_series(1, 7) n;

select results_eq('select cost from costs order by n limit 2', $$ values (600.008571428571428571), (500.007142857142857143) $$,
  'each sale leaves the cost less its share, rounded at 18 decimals');
select is((select cost from costs where n = 7), 0::numeric, 'after the last one no cost is left');
select is((tests.position_of('one')).realized_pnl::numeric, -0.01, 'the result is what came in less what went out, exactly');
select is((select sum(realized_pnl)::numeric from public.trades), -0.01, 'and so is the sum over the fills');

select * from finish();
rollback;
