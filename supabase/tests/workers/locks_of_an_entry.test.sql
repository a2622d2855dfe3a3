begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');

create function pg_temp.holds(p_key bigint) returns text language sql as $$
  select string_agg(l.mode, ' ') from pg_locks l
  where l.locktype = 'advisory' and l.pid = pg_backend_pid() and l.granted and l.objsubid = 1
    and ((l.classid::bigint << 32) | l.objid::bigint) = p_key
$$;
select is(pg_temp.holds(trading.portfolio_key(trading.portfolio_id(tests.user_id('ann'), 'paper'))), null,
  'queueing a decision locks no portfolio');
select tests.run_jobs();
select results_eq(
  $$ select pg_temp.holds(trading.portfolio_key(trading.portfolio_id(tests.user_id('ann'), 'paper'))),
       pg_temp.holds(trading.gate_key('system', '00000000-0000-0000-0000-000000000000')),
       pg_temp.holds(trading.gate_key('user', tests.user_id('ann'))),
       pg_temp.holds(trading.gate_key('portfolio', trading.portfolio_id(tests.user_id('ann'), 'paper'))),
       pg_temp.holds(trading.gate_key('account', trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')))) $$,
  $$ values ('ExclusiveLock', 'ShareLock', 'ShareLock', 'ShareLock', 'ShareLock') $$,
  'executing it holds the portfolio for itself and shares the four gates of a halt until it commits');

select * from finish();
rollback;
