begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create function pg_temp.fits() returns boolean language sql as $$
  select (o.quantity - o.filled_quantity)::numeric = trading.floor_to_step(p.quantity, i.lot_step)
  from tests.order_of('one', 'stop_loss') o, tests.position_of('one') p join public.instruments i on i.symbol = p.symbol
$$;

select tests.list_symbol('SOLUSDT');
select is((select count(*) from trading.jobs where kind = 'protect'), 0::bigint, 'a list that says nothing new moves nothing');
select tests.list_symbol('SOLUSDT', '{"lot_step": 0.1, "lot_min": 0.1}');
select ok(not pg_temp.fits(), 'a step that grew leaves a stop that the exchange would not take');
select tests.run_jobs();
select ok(pg_temp.fits(), 'it is cut to what can be sold');
select is((trading.check_books() ->> 'unprotected_positions')::int, 0, 'and the position counts as protected');
select tests.list_symbol('SOLUSDT', '{"lot_step": 0.001, "lot_min": 0.001}');
select tests.run_jobs();
select ok(pg_temp.fits(), 'and grows again with a finer step');

-- The market meets the stop before the look at it.
select tests.list_symbol('SOLUSDT', '{"lot_step": 0.1, "lot_min": 0.1}');
select tests.tick(94, 94.01);
select tests.run_jobs();
select trading.set_clock(trading.engine_now() + interval '5 seconds');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'closed', 'a stop that is met before it is cut sells all the same');
select is((select count(*) from trading.jobs where status <> 'done'), 0::bigint, 'and nothing is left to do');

select * from finish();
rollback;
