begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.limit_trader('alpha', '{"max_spread_percent": 1, "max_order_quote": 50}');
select tests.enter('one', 'alpha');
select tests.enter('two', 'alpha');
select results_eq($$ select severity, code, user_id, subject_id, occurrences from public.alerts $$,
  $$ values ('info', 'entry_denied:max_order', tests.user_id('ann'), tests.trader_id('alpha')::text, 2) $$,
  'a rule that denies raises its own alert with the owner, once, and counts');
select tests.tick(95, 100);
select tests.enter('three', 'alpha', '{"stopLoss": 80}');
select is((select count(*) from public.alerts where code = 'entry_denied:spread_too_wide'), 1::bigint, 'each rule for itself');
select is((select detail ->> 'signal_id' from public.alerts where code = 'entry_denied:spread_too_wide'), tests.signal_id('three')::text,
  'it names the newest signal');

select * from finish();
rollback;
