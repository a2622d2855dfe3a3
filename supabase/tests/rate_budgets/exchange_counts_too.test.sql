begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.tokens() returns numeric language sql as $$ select trim_scale(tokens) from trading.rate_budgets where rule = 'request_weight' $$;
create function pg_temp.heed(p_used int) returns numeric language sql as $$
  select trading.heed_used_weight((select account from t), p_used);
  select pg_temp.tokens();
$$;
update trading.rate_budgets set tokens = 1000 where rule = 'request_weight';

select is(pg_temp.heed(2900), 1000::numeric, 'while the exchange counts less than half of its minute our count stands');
select is(pg_temp.heed(5000), 400::numeric, 'beyond that it leaves what is missing to nine tenths');
select is(pg_temp.heed(4000), 400::numeric, 'an older count gives nothing back');
select is(pg_temp.heed(5900), 0::numeric, 'beyond nine tenths nothing is left');

-- Another environment of the exchange ---------------------------------------------------------------------------------
update trading.rate_budgets set tokens = 700, scope_id = trading.derived_id('exchange', 'production') where rule = 'request_weight';
select is(pg_temp.heed(5900), 700::numeric, 'what a simulator counts is nothing to production');
update trading.rate_budgets set scope_id = trading.derived_id('exchange', 'simulator') where rule = 'request_weight';

-- More requests than one ----------------------------------------------------------------------------------------------
select trading.queue_account_check((select account from t), 'by hand', trading.engine_now());
select is(tests.next_call() ->> 'action', 'balances', 'a question that weighs 20');
update trading.rate_budgets set tokens = 700, refilled_at = trading.engine_now() where rule = 'request_weight';
select tests.answer('{"outcome": "unknown", "reason": "no_answer", "requests": 3}');
select is(pg_temp.tokens(), 660::numeric, 'and that was asked three times has cost twice as much again');
update trading.rate_budgets set tokens = 10 where rule = 'request_weight';
select trading.charge_weight((select account from t), 40);
select is(pg_temp.tokens(), -30::numeric, 'beyond what is there: whoever comes next waits');

select * from finish();
rollback;
