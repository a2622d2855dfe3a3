begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create temporary table before as select * from tests.snapshot();

select tests.raises('update trading.ledger_entries set amount = amount * 2', 'FB403', 'ledger_immutable', 'an entry is never changed');
select tests.raises('delete from trading.ledger_entries', 'FB403', 'ledger_immutable', 'nor removed');
select tests.raises('truncate trading.ledger_entries', 'FB403', 'ledger_immutable', 'nor are all of them at once');
set local role fillbase_engine;
select tests.raises('update trading.ledger_entries set amount = 0', 'FB403', 'ledger_immutable', 'not by its owner either');
reset role;
select throws_ok(
  $$ insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
     select transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at from trading.ledger_entries
     where cause_type = 'paper_start' $$, '23505', null, 'the same transaction is not posted twice');
select throws_ok($$ insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
     values (gen_random_uuid(), gen_random_uuid(), 'USDT', 'cash', 'NaN', 'planted', gen_random_uuid(), now()) $$, '23514', null,
  'NaN is no amount');
select set_eq('select * from tests.snapshot()', 'table before', 'and all of it is as it was');

select * from finish();
rollback;
