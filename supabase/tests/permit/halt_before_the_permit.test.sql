begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');

-- An entry passes all rules and its order is written; then, before its commit, trading is halted.
create function pg_temp.halt() returns trigger language plpgsql as $$
begin
  update trading.trading_states set state = 'halted', epoch = epoch + 1 where scope = 'system';
  return null;
end
$$;
create trigger planted after insert on public.orders for each row execute function pg_temp.halt();

select is(tests.run_jobs(1), array['enter error FB423 queued'], 'the last gate refuses what every rule had let pass');
select is_empty($$ select 1 from public.orders $$, 'no order is left behind');
select is_empty($$ select 1 from public.positions $$, 'no position');
select is_empty($$ select 1 from trading.reservations $$, 'no money is held back');
select is((select status from public.signals), 'ready', 'and its decision is still to be answered');
drop trigger planted on public.orders;
update trading.trading_states set state = 'halted', epoch = epoch + 1 where scope = 'system';
select trading.set_clock(trading.engine_now() + interval '10 s');
select is(tests.run_jobs(), array['enter denied trading_not_active'], 'which the halt then does');
select is((select count(*) from public.trades), 0::bigint, 'nothing was bought');

select * from finish();
rollback;
