begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');

select cmp_ok((select count(*) from public.audit_log where transaction_id = pg_current_xact_id()), '>', 5::bigint,
  'this transaction has written audit rows');
select is(trading.seal_audit(), 0::bigint, 'while it runs they are not sealed: it may write more');
select is((select count(*) from trading.audit_seals where to_transaction > pg_current_xact_id()), 0::bigint, 'no seal reaches into it');

select * from finish();
rollback;
