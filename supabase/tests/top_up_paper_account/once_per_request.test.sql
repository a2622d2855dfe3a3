begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.act_as_user('ann');
create function pg_temp.top_up(p_trader text, p_amount numeric, p_request int) returns jsonb language sql as $$
  select public.top_up_paper_account(tests.trader_id(p_trader), p_amount, md5(p_request::text)::uuid)
$$;

select is(pg_temp.top_up('alpha', 500.5, 1), jsonb_build_object('trader_id', tests.trader_id('alpha'), 'balance', '10500.5'),
  'a paper account is opened and topped up');
select is(pg_temp.top_up('alpha', 500.5, 1) ->> 'balance', '10500.5', 'the same request again adds nothing');
select tests.raises($$ select pg_temp.top_up('alpha', 600, 1) $$, 'FB409', 'request_conflict', 'with another amount it is an error');
select is(pg_temp.top_up('alpha', 500.5, 2) ->> 'balance', '11001', 'another request adds again');
select is(pg_temp.top_up('beta', 500.5, 1) ->> 'balance', '10500.5', 'the same id for another trader is another request');
select tests.act_as_owner();
select results_eq($$ select initial_balance::numeric, current_balance::numeric, total_pnl::numeric from public.paper_balances where trader_id = tests.trader_id('alpha') $$,
  $$ values (11001::numeric, 11001::numeric, 0::numeric) $$, 'added money is no profit');
select results_eq($$ select asset, bucket, amount::numeric from trading.balances b where b.account_id = trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')) order by 2 $$,
  $$ values ('USDT', 'cash', 11001::numeric), ('USDT', 'external', -11001::numeric) $$, 'in the ledger it came from outside');
select is((select count(*) from public.audit_log where action = 'paper_top_up'), 3::bigint, 'each top-up is audited');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
