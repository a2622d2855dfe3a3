begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');

create temporary table cases (n serial, levels jsonb);
insert into cases (levels)
  select jsonb_build_object('entry', 100, 'stopLoss', 95, 'takeProfit', jsonb_build_array(110)) || jsonb_build_object(k, b.value)
  from unnest('{entry,stopLoss,takeProfit}'::text[]) k, (values ('"NaN"'::jsonb), ('"Infinity"'), ('"-Infinity"'), ('-95'), ('0'), ('1e30'), ('"1e30"'),
    ('95.0123456789012345678901234567890123456789'), ('"95.0123456789012345678901234567890123456789"'), ('"ninety-five"'), ('true'), ('{"price": 95}'),
    ('[[95]]'), ('[-95]')) b (value);
insert into cases (levels) values ('"buy at market"'), ('[100, 95]'), ('42'), ('true'),
  ((select jsonb_build_object('entry', 100, 'stopLoss', 95, 'takeProfit', jsonb_agg(100 + g)) from generate_series(1, 11) g));

select tests.decide('case ' || n, 'alpha', levels) from cases;
select tests.run_jobs();

select is_empty(
  $$ select c.levels, s.status, s.rejection_code from cases c join public.signals s on s.id = tests.signal_id('case ' || c.n)
     where (s.status, s.rejection_code) is distinct from ('rejected', 'levels_invalid') $$,
  'every level that is no price is refused, whichever it is and however it is written');
select is_empty($$ select 1 from public.signals where rejection_reason is null or rejection_reason !~ 'level' $$,
  'each refusal says what is wrong in words');
select is((select count(*) from public.positions) + (select count(*) from public.orders) + (select count(*) from trading.reservations), 0::bigint,
  'no row of an entry was made');

select tests.decide('case ' || n, 'alpha', '{"entry": "100", "stopLoss": "95.00", "takeProfit": "110"}') from cases where n = 1;
select tests.run_jobs();
select is((tests.position_of('case 1')).status, 'open', 'a later decision on one of these signals, with numeric strings, is executed');

select * from finish();
rollback;
