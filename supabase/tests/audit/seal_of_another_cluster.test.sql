begin;
select plan(3);
select tests.open_desk();
select is(trading.seal_audit() >= 0, true, 'on its own cluster the sealer works');
insert into trading.audit_seals (from_transaction, to_transaction, row_count, hash)
select coalesce(max(to_transaction), '1'::xid8), '99999999999'::xid8, 1, '\x00' from trading.audit_seals;
select is(trading.seal_audit(), 0::bigint, 'with a seal from a later life of the database nothing can be sealed');
select results_eq($$ select severity, code from public.alerts $$, $$ values ('critical', 'audit_seal_stuck') $$, 'which does not pass in silence');

select * from finish();
rollback;
