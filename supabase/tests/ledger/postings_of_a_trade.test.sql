begin;
select plan(5);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'filled', 2, tests.fill('1', 100, 2, 0.002, 'SOL'));
select tests.sent_exit('one');
select tests.report((tests.order_of('one', 'exit')).id, 'working', 1, tests.fill('s', 110, 1, 0.11));

create function pg_temp.postings(p_cause text, p_side text) returns table (asset text, bucket text, amount numeric) language sql as $$
  select e.asset, e.bucket, e.amount from trading.ledger_entries e left join public.trades t on t.id = e.cause_id
  where e.cause_type = p_cause and t.side is not distinct from p_side order by 1, 2
$$;

select results_eq($$ select * from pg_temp.postings('paper_start', null) $$,
  $$ values ('USDT', 'cash', 10000::numeric), ('USDT', 'external', -10000::numeric) $$, 'the start balance came from outside');
select results_eq($$ select * from pg_temp.postings('trade', 'BUY') $$,
  $$ values ('SOL', 'fees', 0.002), ('SOL', 'market', -2::numeric), ('SOL', 'position', 1.998),
            ('USDT', 'cash', -200::numeric), ('USDT', 'market', 200::numeric) $$,
  'a buy moves cash to the market and coins to the position, the fee out of the coins');
select results_eq($$ select * from pg_temp.postings('trade', 'SELL') $$,
  $$ values ('SOL', 'market', 1::numeric), ('SOL', 'position', -1::numeric),
            ('USDT', 'cash', 109.89), ('USDT', 'fees', 0.11), ('USDT', 'market', -110::numeric) $$,
  'a sell moves them back, the fee out of the proceeds');
select is_empty($$ select transaction_id, asset from trading.ledger_entries group by 1, 2 having sum(amount) <> 0 $$,
  'each transaction sums to zero per asset');
select is_empty(
  $$ select 1 from (select account_id, asset, bucket, sum(amount)::numeric as amount from trading.ledger_entries group by 1, 2, 3) e
     full join trading.balances b using (account_id, asset, bucket) where e.amount is distinct from b.amount::numeric $$,
  'the running balances are the sums of the entries');

select * from finish();
rollback;
