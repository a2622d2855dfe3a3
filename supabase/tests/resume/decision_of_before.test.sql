begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');
-- A worker holds the decision while trading is stopped and resumed.
create temporary table held as
  select (j ->> 'id')::bigint as id, (j ->> 'fence')::bigint as fence
  from jsonb_array_elements(trading.claim_jobs('slow', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs') j;
select tests.stop('ann', 'user');
select tests.tick(99.99, 100);
select tests.resume('ann', 'user');

select is((select trading.execute_job(id, fence) ->> 'code' from held), 'trading_not_active', 'a decision from before a stop does not come to life again');
select is((select status || ' ' || rejection_code from public.signals), 'rejected trading_not_active', 'its signal says why');
select tests.tick(99.99, 100);
select tests.enter('two', 'alpha');
select is((tests.position_of('two')).status, 'open', 'one made after it is executed');

select * from finish();
rollback;
