-- own database
select plan(14);

-- A seal waits for every older transaction of the server, so one of another test may hold it up.
create function pg_temp.wait_for_others() returns void language plpgsql as $$
begin
  for v_try in 1 .. 1000 loop
    exit when pg_snapshot_xmin(pg_current_snapshot()) > (select max(a.transaction_id) from public.audit_log a);
    perform pg_sleep(0.01);
  end loop;
end
$$;

-- Two transactions with a seal each. What they write is committed, for a seal covers only what is.
begin;
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
commit;
select pg_temp.wait_for_others();
begin;
select is(trading.seal_audit(), (select count(*) from public.audit_log), 'a seal covers every row that was committed');
commit;
begin;
select is(trading.seal_audit(), 0::bigint, 'a second one with nothing new is not made');
select tests.enter('two', 'alpha');
commit;
select pg_temp.wait_for_others();
begin;
select cmp_ok(trading.seal_audit(), '>', 0::bigint, 'the next one covers what came since');
commit;
select results_eq('select intact from trading.verify_audit() order by seal_id', $$ values (true), (true) $$, 'both verify');
select is((select sum(row_count)::bigint from trading.audit_seals), (select count(*) from public.audit_log),
  'together they cover each row once');

-- The owner of the table with its guards off: what a seal is for.
create function pg_temp.verdict() returns text language sql as $$
  select string_agg(case when intact then 'intact' else 'broken' end || case when expected_rows <> found_rows then ' (rows)' else '' end, ', ' order by seal_id)
  from trading.verify_audit()
$$;
create function pg_temp.after(p_tamper text) returns text language plpgsql as $$
declare
  v_verdict text;
begin
  begin
    alter table public.audit_log disable trigger user;
    execute p_tamper;
    v_verdict := pg_temp.verdict();
    raise exception 'take it back';
  exception when raise_exception then
    return v_verdict;
  end;
end
$$;
create temporary table range as select from_transaction, to_transaction from trading.audit_seals order by id limit 1;

select is(pg_temp.after($$ update public.audit_log set detail = detail || '{"quantity": "0"}' where id = (select min(id) from public.audit_log) $$),
  'broken, intact',
  'a changed row breaks the seal over it and no other');
select is(pg_temp.after($$ update public.audit_log set recorded_at = recorded_at + interval '1 microsecond' where id = (select max(id) from public.audit_log) $$),
  'intact, broken', 'however little was changed');
select is(pg_temp.after($$ delete from public.audit_log where id = (select min(id) from public.audit_log) $$), 'broken (rows), intact',
  'a removed row is missed');
select is(pg_temp.after($$ insert into public.audit_log (occurred_at, transaction_id, actor, action, subject_type, subject_id)
    select now(), (select a.transaction_id from public.audit_log a order by a.id limit 1), 'engine', 'forged', 'order', 'x' $$),
  'broken (rows), intact', 'a row slipped in afterwards is seen');
select is(pg_temp.after($$ update public.audit_log set transaction_id = (select to_transaction from range) where id = (select min(id) from public.audit_log) $$),
  'broken (rows), broken (rows)', 'so is one moved to another transaction');
select is(pg_temp.after($$ delete from public.audit_log $$), 'broken (rows), broken (rows)', 'so is the loss of everything');
select is(pg_temp.after($$ update trading.audit_seals set hash = sha256('forged') where id = (select min(id) from trading.audit_seals) $$),
  'broken, broken',
  'a forged seal breaks itself and the next, which was made over it');
select is(pg_temp.after($$ delete from trading.audit_seals where id = (select min(id) from trading.audit_seals) $$), 'broken',
  'a removed seal breaks the next');
select is(pg_temp.verdict(), 'intact, intact', 'nothing of all this was kept');

select * from finish();
