begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.limit_trader('alpha', '{"stop_guard_count": 2, "stop_guard_window_seconds": 60, "stop_guard_pause_seconds": 600}');
select tests.stop_out('one', 'alpha');
select is_empty('select from trading.risk_locks', 'one stop loss less than the guard counts to locks nothing');
select trading.set_clock(trading.engine_now() + interval '1 minute');
select tests.stop_out('two', 'alpha');
select is_empty('select from trading.risk_locks', 'nor does one that is out of the window');
select tests.stop_out('three', 'alpha');
select results_eq('select code, symbol, scope_id from trading.risk_locks',
  $$ values ('stop_guard', null::text, trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann'))) $$, 'as many within it lock the account, in all symbols');
select tests.enter('four', 'alpha');
select is(tests.rejection('four'), 'stop_guard', 'which denies its entries');
select tests.enter('five', 'beta');
select is((tests.position_of('five')).status, 'open', 'and those of no other trader');

select tests.limit_all('ann', '{"stop_guard_count": 1, "stop_guard_window_seconds": 60, "stop_guard_pause_seconds": 600}');
select tests.tick(94, 94.01);
select tests.run_jobs();
select tests.tick(99.99, 100);
select is((select count(*) from trading.risk_locks where scope_id is null), 1::bigint, 'the guard of all traders counts all of them');
select tests.enter('six', 'beta');
select is(tests.rejection('six'), 'stop_guard', 'and locks all of them');
select tests.act_as_user('ann');
select results_eq('select code, symbol, trader_id from public.risk_locks order by created_at',
  $$ values ('stop_guard', null::text, tests.trader_id('alpha')), ('stop_guard', null, null) $$, 'their owner sees the locks');

select * from finish();
rollback;
