begin;
select plan(3);
select tests.open_desk();
select tests.resting_entry('one', 3);
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 3, tests.fill('1', 100, 1, 0.1), tests.fill('2', 97, 2, 0.2));
select tests.sent_exit('one');

-- Three sells of thirds and sevenths: each share of the cost is rounded, their sum must not be.
create function pg_temp.after(p_first int, p_second int, p_third int) returns text language plpgsql as $$
declare
  v_fills  jsonb[] := array[tests.fill('s1', 101, 1, 0.11), tests.fill('s2', 102, 0.7, 0.07), tests.fill('s3', 103, 1.3, 0.13)];
  v_result text;
begin
  begin
    perform tests.report((tests.order_of('one', 'exit')).id, 'filled', 3, v_fills[p_first]);
    perform tests.report((tests.order_of('one', 'exit')).id, 'filled', 3, v_fills[p_second]);
    perform tests.report((tests.order_of('one', 'exit')).id, 'filled', 3, v_fills[p_third]);
    v_result := (select concat_ws(' ', p.status, trim_scale(p.realized_pnl), trim_scale((select sum(t.realized_pnl) from public.trades t)),
      trim_scale(p.cost), trim_scale(p.quantity)) from tests.position_of('one') p);
    raise exception 'take it back';
  exception when raise_exception then
    return v_result;
  end;
end
$$;

create temporary table results as
  select pg_temp.after(a, b, c) as result from generate_series(1, 3) a, generate_series(1, 3) b, generate_series(1, 3) c
  where a <> b and b <> c and a <> c;
select is((select count(distinct result) from results), 1::bigint, 'sells in all six orders end the same');
-- 101 + 71.4 + 133.9 - 0.31 - (100 + 194 + 0.3)
select is((select min(result) from results), 'closed 11.69 11.69 0 0',
  'with the result computed by hand, to the last decimal, and no cost left over');
select is((tests.position_of('one')).status, 'closing', 'what was taken back left no trace');

select * from finish();
rollback;
