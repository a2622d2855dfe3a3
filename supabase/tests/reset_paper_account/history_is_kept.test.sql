begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('witness');
select tests.enter('one', 'alpha');
select tests.enter('two', 'witness');
select tests.tick(94, 94.01);
select tests.run_jobs();
select trading.set_clock(trading.engine_now() + interval '1 second');
create temporary table before as select * from tests.snapshot('paper_balances', 'ledger_entries', 'balances', 'audit_log', 'risk_marks', 'requests');
create temporary table witness as select * from public.paper_balances where trader_id = tests.trader_id('witness');

select tests.act_as_user('ann');
select is(public.reset_paper_account(tests.trader_id('alpha'), md5('1')::uuid), jsonb_build_object('trader_id', tests.trader_id('alpha'), 'balance', '10000'),
  'an account without positions is set back to its start');
select tests.act_as_owner();
select results_eq($$ select initial_balance::numeric, current_balance::numeric, total_pnl::numeric, total_trades, losing_trades from public.paper_balances
    where trader_id = tests.trader_id('alpha') $$, $$ values (10000::numeric, 10000::numeric, 0::numeric, 0, 0) $$,
  'its figures begin anew');
select set_eq($$ select * from tests.snapshot('paper_balances', 'ledger_entries', 'balances', 'audit_log', 'risk_marks', 'requests') $$, 'table before',
  'positions, orders and fills of before are kept');
-- 100 spent, 0.999 x 94 = 93.906 less 0.093906 came back: 6.187906 are missing
select is((select amount::numeric from trading.ledger_entries where cause_type = 'paper_reset' and bucket = 'cash'), 6.187906,
  'the ledger shows what was added');
select set_eq($$ select * from public.paper_balances where trader_id = tests.trader_id('witness') $$, 'table witness',
  'another trader''s account is as it was');
select is((select detail from public.audit_log where action = 'paper_reset'), '{"from": "9993.812094", "to": "10000"}'::jsonb,
  'the reset is audited');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
