begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create temporary table before as select * from tests.snapshot();

create function pg_temp.post(p_entries jsonb) returns void language sql as $$
  insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
  select e.transaction_id, (tests.position_of('one')).account_id, e.asset, e.bucket, e.amount, 'planted', e.transaction_id, now()
  from jsonb_to_recordset(p_entries) as e (transaction_id uuid, asset text, bucket text, amount numeric)
$$;
create function pg_temp.entry(p_transaction int, p_asset text, p_bucket text, p_amount numeric) returns jsonb language sql as $$
  select jsonb_build_object('transaction_id', md5(p_transaction::text), 'asset', p_asset, 'bucket', p_bucket, 'amount', p_amount)
$$;

select tests.raises($$ select pg_temp.post(jsonb_build_array(pg_temp.entry(1, 'USDT', 'cash', 100))) $$,
  'FB500', 'ledger_unbalanced', 'money does not come from nowhere');
select tests.raises($$ select pg_temp.post(jsonb_build_array(pg_temp.entry(1, 'USDT', 'cash', 100), pg_temp.entry(1, 'USDT', 'external', -99.99999999))) $$,
  'FB500', 'ledger_unbalanced', 'not even the last decimal');
select tests.raises($$ select pg_temp.post(jsonb_build_array(pg_temp.entry(1, 'USDT', 'cash', 100), pg_temp.entry(1, 'SOL', 'external', -100))) $$,
  'FB500', 'ledger_unbalanced', 'one asset does not pay for another');
select tests.raises($$ select pg_temp.post(jsonb_build_array(pg_temp.entry(1, 'USDT', 'cash', 100), pg_temp.entry(2, 'USDT', 'external', -100))) $$,
  'FB500', 'ledger_unbalanced', 'nor one transaction for another');
select set_eq('select * from tests.snapshot()', 'table before', 'and no entry and no balance was written');
select lives_ok($$ select pg_temp.post(jsonb_build_array(pg_temp.entry(1, 'USDT', 'cash', 100), pg_temp.entry(1, 'USDT', 'external', -100))) $$,
  'what balances is posted');

select * from finish();
rollback;
