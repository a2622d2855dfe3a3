begin;
select plan(8);
select tests.open_desk();
select tests.list_symbol('ADAUSDT');
select tests.hire('alpha');
select tests.hire('beta');
select tests.limit_trader('alpha', '{"cooldown_seconds": 60}');
select tests.stop_out('one', 'alpha');

select results_eq($$ select code, symbol, scope_id, extract(epoch from until - created_at)::int, cause from trading.risk_locks $$,
  $$ values ('cooldown', 'SOLUSDT', trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')), 60, (tests.position_of('one')).id) $$,
  'a stop loss locks its symbol for its trader');
select tests.enter('two', 'alpha');
select is(tests.rejection('two'), 'cooldown', 'which denies the next entry there');
select tests.tick(99.99, 100, '{}', 'ADAUSDT');
select tests.decide('three', 'alpha', p_symbol => 'ADAUSDT');
select tests.run_jobs();
select is((tests.position_of('three')).status, 'open', 'but none in another symbol');
select tests.enter('four', 'beta');
select is((tests.position_of('four')).status, 'open', 'and none of another trader');
select is((select count(*) from public.alerts where code = 'cooldown' and severity = 'info' and resolved_at is null), 1::bigint, 'its owner is told');

-- The stop was filled at 12:00:03; the lock ends a minute later, to the second.
select trading.set_clock((select until - interval '1 millisecond' from trading.risk_locks));
select tests.tick(99.99, 100, p_after => '0');
select tests.enter('five', 'alpha');
select is(tests.rejection('five'), 'cooldown', 'a millisecond before its end the lock holds');
select trading.set_clock((select until from trading.risk_locks));
select tests.tick(99.99, 100, p_after => '0');
select tests.enter('six', 'alpha');
select is((tests.position_of('six')).status, 'open', 'at its end it is over');
select trading.watch_losses();
select is((select count(*) from public.alerts where code = 'cooldown' and resolved_by = 'engine'), 1::bigint, 'and so is its alert');

select * from finish();
rollback;
