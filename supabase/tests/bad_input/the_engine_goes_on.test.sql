begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('unlimited', 'ann', '{}', null);
select tests.decide('bad 1', 'alpha', '{"stopLoss": "NaN"}');
select tests.decide('good 1', 'alpha');
select tests.decide('bad 2', 'unlimited');
select tests.decide('good 2', 'alpha');
select tests.decide('bad 3', 'alpha', p_symbol => 'NOSUCHUSDT');
select tests.decide('good 3', 'alpha');

select is(tests.run_jobs(), array['enter denied levels_invalid', 'enter filled', 'enter denied no_risk_limits', 'enter filled',
  'enter denied symbol_unknown', 'enter filled'], 'decisions are executed in order, and a bad one does not hold up the next');
select is((select count(*) from public.positions where status = 'open'), 3::bigint, 'each good one is a position');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
