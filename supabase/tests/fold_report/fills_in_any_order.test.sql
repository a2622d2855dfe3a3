begin;
select plan(5);
select tests.open_desk();
select tests.resting_entry('one', 3);

create temporary table fills (name text primary key, fill jsonb);
insert into fills values
  ('a', tests.fill('1', 100, 1, 0.001, 'SOL')),
  ('b', tests.fill('2', 99.5, 0.7, 0.07, 'USDT')),
  ('c', tests.fill('3', 99.99, 1.3, 0.0001, 'BNB', '{"fee_rate": 600}'));
create temporary table orders_of_arrival as
  select array[a.name, b.name, c.name] as names from fills a, fills b, fills c where a.name <> b.name and b.name <> c.name and a.name <> c.name;

-- Folds the fills in one report, or in one each, looks, and takes everything back.
create function pg_temp.after(p_order_id uuid, p_names text[], p_at_once boolean) returns text language plpgsql as $$
declare
  v_result text;
begin
  begin
    if p_at_once then
      perform tests.report(p_order_id, 'filled', 3, variadic array(select f.fill from unnest(p_names) with ordinality n (name, i)
        join fills f using (name) order by n.i));
    else
      for i in 1 .. cardinality(p_names) loop
        perform tests.report(p_order_id, 'filled', 3, (select fill from fills where name = p_names[i]));
      end loop;
    end if;
    v_result := (
      select concat_ws(' ', o.state, trim_scale(p.quantity), trim_scale(p.cost), trim_scale(p.entry_value), trim_scale(p.fees_paid),
        (select string_agg(concat_ws(':', b.asset, b.bucket, trim_scale(b.amount)), ' ' order by b.asset, b.bucket) from trading.balances b),
        (select trim_scale(sum(s.quantity)) from public.orders s where s.role = 'stop_loss' and s.state = 'working'))
      from public.positions p join public.orders o on o.position_id = p.id and o.role = 'entry');
    raise exception 'take it back';
  exception when raise_exception then
    return v_result;
  end;
end
$$;

create temporary table results as
  select names, at_once, pg_temp.after((tests.order_of('one', 'entry')).id, names, at_once) as result
  from orders_of_arrival, (values (true), (false)) v (at_once);

select is((select count(*) from results), 12::bigint, 'three fills are reported in all six orders, at once and one by one');
select is((select count(distinct result) from results), 1::bigint, 'and each time the outcome is the same');
-- Held: 3 - 0.001. Value: 100 + 69.65 + 129.987. Cost: value + 0.07 + 0.0001 x 600. Fees: 0.001 x 100 + 0.07 + 0.06.
select is((select min(result) from results),
  'filled 2.999 299.767 299.637 0.23 BNB:external:-0.0001 BNB:fees:0.0001 SOL:fees:0.001 SOL:market:-3 SOL:position:2.999 '
  'USDT:cash:9700.293 USDT:external:-10000 USDT:fees:0.07 USDT:market:299.637 2.999',
  'the one that was computed by hand');
select is((tests.position_of('one')).status, 'submitting', 'what was taken back left no trace');
select is((select count(*) from public.trades), 0::bigint, 'nor any fill');

select * from finish();
rollback;
