begin;
select plan(6);
select tests.open_desk();
select tests.resting_entry('one', 3, '{"entry": 100, "stopLoss": 95, "takeProfit": [110, 120, 130]}');
create function pg_temp.resting() returns table (role text, level int, type text, quantity numeric, at numeric) language sql as $$
  select o.role, o.level, o.type, o.quantity, coalesce(o.price, o.trigger_price) from public.orders o
  where o.position_id = (tests.position_of('one')).id and o.role in ('stop_loss', 'take_profit') and o.state = 'working' order by 1, 2
$$;
select is_empty('select * from pg_temp.resting()', 'an entry without a fill has nothing to protect');

select tests.report((tests.order_of('one', 'entry')).id, 'working', 1, tests.fill('1', 100, 1));
select results_eq('select * from pg_temp.resting()',
  $$ values ('stop_loss', 0, 'STOP_LOSS', 1::numeric, 95::numeric), ('take_profit', 1, 'LIMIT', 0.333, 110::numeric),
            ('take_profit', 2, 'LIMIT', 0.333, 120::numeric), ('take_profit', 3, 'LIMIT', 0.334, 130::numeric) $$,
  'the first fill rests a stop for all of it and targets for equal parts, the last taking the rest');
select results_eq($$ select symbol, trigger_price::numeric, fired_at from trading.engine_stops $$,
  $$ values ('SOLUSDT', 95::numeric, null::timestamptz) $$,
  'and arms the engine''s own stop');

select tests.report((tests.order_of('one', 'entry')).id, 'filled', 3, tests.fill('2', 100, 2, 0.002, 'SOL'));
select results_eq('select * from pg_temp.resting()',
  $$ values ('stop_loss', 0, 'STOP_LOSS', 2.998, 95::numeric), ('take_profit', 1, 'LIMIT', 0.999, 110::numeric),
            ('take_profit', 2, 'LIMIT', 0.999, 120::numeric), ('take_profit', 3, 'LIMIT', 1::numeric, 130::numeric) $$,
  'further fills make them larger');
select is((select count(*) from public.orders where role in ('stop_loss', 'take_profit')), 4::bigint, 'the same four orders');
select is((select count(*) from public.audit_log where action = 'order_resized'), 4::bigint, 'each change of size is audited');

select * from finish();
rollback;
