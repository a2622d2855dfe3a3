begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.make_operator('otto');
create function pg_temp.claim() returns table (id bigint, fence bigint) language sql as $$
  select (j ->> 'id')::bigint, (j ->> 'fence')::bigint
  from jsonb_array_elements(trading.claim_jobs('slow', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs') j
$$;

-- A worker holds a decision while everyone is stopped and resumed under a clock that is ten hours ahead.
select tests.decide('held', 'alpha');
create temporary table held as select * from pg_temp.claim();
create temporary table was as select trading.engine_now() as at;
update trading.settings set clock_at = clock_at + interval '10 hours';
select tests.stop('otto', 'everyone');
select tests.resume('otto', 'everyone');
update trading.settings set clock_at = (select at from was);
select is((select trading.execute_job(id, fence) ->> 'code' from held), 'trading_not_active', 'a decision queued before the resume does not come to life, whatever the clock says');

select tests.tick(99.99, 100);
select tests.enter('new', 'alpha');
select is((tests.position_of('new')).status, 'open', 'one made after it is executed at once, though the resume seems to lie in the future');
select ok((select set_at > trading.engine_now() from trading.trading_states where scope = 'system'), 'as it does');

select is(tests.resume('otto', 'everyone'), 'active active', 'a resume that is given again');
select ok((select set_at = trading.engine_now() from trading.trading_states where scope = 'system'), 'sets that right');
select is((select count(*) from public.audit_log where action = 'resume_mended'), 1::bigint, 'which is audited');
select tests.resume('otto', 'everyone');
select is((select count(*) from public.audit_log where action = 'resume_mended'), 1::bigint, 'once');

-- The other way: a resume under a clock that is behind.
select tests.tick(99.99, 100);
select tests.decide('before', 'alpha');
truncate held;
insert into held select * from pg_temp.claim();
update was set at = trading.engine_now();
update trading.settings set clock_at = clock_at - interval '1 hour';
select tests.stop('otto', 'everyone', p_request => 'another');
select tests.resume('otto', 'everyone');
update trading.settings set clock_at = (select at from was);
select is((select trading.execute_job(id, fence) ->> 'code' from held), 'trading_not_active', 'a resume that seems to lie before the decision denies it all the same');
select tests.tick(99.99, 100);
select tests.enter('after', 'alpha');
select is((tests.position_of('after')).status, 'open', 'and the next one is executed');

select * from finish();
rollback;
