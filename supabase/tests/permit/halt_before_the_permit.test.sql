begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('one', 'alpha');

-- An entry passes all rules and is planned; then, before its permit, a halt commits.
create function pg_temp.halt() returns trigger language plpgsql as $$
begin
  update trading.trading_states set state = 'halted', epoch = epoch + 1 where scope = 'system';
  return null;
end
$$;
create trigger planted after insert on public.orders for each row execute function pg_temp.halt();

select is(tests.run_jobs(), array['enter denied trading_not_active'], 'the last gate denies what every rule had let pass');
select results_eq($$ select state, error_code, permitted_at, state_epoch from tests.order_of('one', 'entry') $$,
  $$ values ('denied', 'trading_not_active', null::timestamptz, 1::bigint) $$,
  'the order got no permit, and keeps the epoch it was refused under');
select is((select released_at is not null from trading.reservations), true, 'its money is free');
select results_eq($$ select status, failure_code from tests.position_of('one') $$, $$ values ('failed', 'trading_not_active') $$,
  'its position ends');
select is((select status || ' ' || rejection_code from public.signals), 'rejected trading_not_active', 'and its signal says why');
select tests.raises($$ select trading.grant_permit(o, true, trading.engine_now()) from tests.order_of('one', 'entry') o $$, 'FB409',
  'permit_refused',
  'what was denied is not permitted later');
select is((select count(*) from public.trades), 0::bigint, 'nothing was bought');

select * from finish();
rollback;
