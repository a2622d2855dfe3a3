-- own database
select plan(2);

begin;
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.tick(94, 94.01);
commit;

create function pg_temp.holds(p_key bigint) returns text language sql as $$
  select string_agg(l.mode, ' ') from pg_locks l
  where l.locktype = 'advisory' and l.pid = pg_backend_pid() and l.granted and l.objsubid = 1
    and ((l.classid::bigint << 32) | l.objid::bigint) = p_key
$$;

begin;
select tests.run_jobs();
select is(pg_temp.holds(trading.portfolio_key(trading.portfolio_id(tests.user_id('ann'), 'paper'))), 'ExclusiveLock',
  'an exit holds its portfolio for itself until it commits');
select is((tests.position_of('one')).status, 'closed', 'and closes the position');
commit;

select * from finish();
