begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('closed', 'alpha');
select tests.tick(94.5, 94.51);
select tests.run_jobs();
select tests.tick(99.99, 100);
select tests.enter('open', 'alpha');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'books that are right count nothing');

-- The figures that are not zero after a violation was planted with the guards off.
create function pg_temp.after(p_violation text) returns text language plpgsql as $$
declare
  v_found text;
begin
  begin
    alter table trading.ledger_entries disable trigger user;
    alter table public.audit_log disable trigger user;
    alter table public.orders disable trigger user;
    alter table public.positions disable trigger user;
    execute p_violation;
    v_found := (select string_agg(k, ' ' order by k) from jsonb_each_text(trading.check_books()) b (k, v) where v <> '0');
    raise exception 'take it back';
  exception when raise_exception then
    return v_found;
  end;
end
$$;

select is(pg_temp.after($$ update trading.ledger_entries set amount = amount + 0.000000000000000001 where id = (select min(id) from trading.ledger_entries where bucket = 'cash') $$),
  'balances_vs_ledger ledger_imbalance', 'an entry that is off by the last decimal');
select is(pg_temp.after($$ update trading.balances set amount = amount + 1 where bucket = 'fees' $$), 'ledger_imbalance',
  'a running balance that is not its entries');
select is(pg_temp.after($$ update public.positions set realized_pnl = realized_pnl + 1 where status = 'open' $$), 'positions_vs_fills',
  'a result that is not in the fills');
select is(pg_temp.after($$ update public.positions set quantity = quantity + 0.001 where status = 'open' $$),
  'balances_vs_ledger positions_vs_fills unprotected_positions',
  'a quantity that is not in the fills');
select is(pg_temp.after($$ update public.paper_balances set current_balance = current_balance + 1 $$), 'balances_vs_ledger',
  'a balance that is not in the ledger');
select is(pg_temp.after($$ update public.paper_balances set total_pnl = total_pnl + 1 $$), 'balances_vs_ledger',
  'a profit that no position made');
select is(pg_temp.after($$ update trading.reservations set released_at = null $$), 'balances_vs_ledger',
  'a reservation of an order that is over');
select is(pg_temp.after($$ delete from trading.engine_stops $$), 'unprotected_positions', 'a position without an engine stop');
select is(pg_temp.after($$ update public.orders set quantity = quantity - 0.001 where role = 'stop_loss' and state = 'working' $$),
  'unprotected_positions',
  'a stop for less than is held');
select is(pg_temp.after($$ select trading.enqueue_job('sync', 'left', gen_random_uuid(), true, trading.engine_now()) $$), 'jobs_left',
  'a job that is due');
select is(pg_temp.after($$ delete from public.audit_log where action in ('order_filled', 'fill_recorded') $$), 'audit_gaps',
  'a state without its audit row');

select * from finish();
rollback;
