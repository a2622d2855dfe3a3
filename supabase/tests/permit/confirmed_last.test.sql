begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');

-- The entry has its permit and its fill; then, before its commit, something changes.
create function pg_temp.meddle() returns trigger language plpgsql as $$
begin
  update trading.trading_states set state = current_setting('tests.state'), epoch = epoch + 1 where scope = 'system';
  return null;
end
$$;
create trigger planted after insert on public.trades for each row execute function pg_temp.meddle();

select set_config('tests.state', 'halted', true);
select is(tests.run_jobs(), array['enter error FB423 queued'], 'a halt that commits after the permit undoes the entry');
select is((select count(*) from public.orders) + (select count(*) from public.positions) + (select count(*) from public.trades), 0::bigint,
  'nothing of it is left');
select is((select status from public.signals), 'ready', 'its decision waits to be judged again');
select is((select count(*) from public.alerts), 0::bigint, 'and nobody is alarmed');

select set_config('tests.state', 'active', true);
select tests.tick(99.99, 100, p_after => '2 seconds');
select is(tests.run_jobs(), array['enter error FB423 queued'], 'so does one that was resumed meanwhile: the epoch tells');

drop trigger planted on public.trades;
select tests.tick(99.99, 100, p_after => '5 seconds');
select is(tests.run_jobs(), array['enter filled'], 'without one the entry is executed');

select trading.set_trading_state('system', trading.system_scope_id(), 'halted', true, 'a test', 'tests', trading.engine_now());
delete from trading.jobs where status = 'queued';
set constraints all deferred;
update public.positions set quantity = quantity + 1, cost = cost + 100;
select is((select count(*) from trading.jobs where status = 'queued' and kind = 'exit'), 0::bigint, 'a position that grew under flatten');
set constraints all immediate;
select is((select payload ->> 'reason' from trading.jobs where status = 'queued' and kind = 'exit'), 'trading_stopped', 'has its close queued by the commit');

select * from finish();
rollback;
