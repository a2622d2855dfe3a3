begin;
select plan(8);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 1, tests.fill('1', 100, 1));
select tests.sent_exit('one');
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 1, tests.fill('s1', 103, 1));
select results_eq($$ select total_pnl::numeric, total_trades, winning_trades from public.paper_balances $$, $$ values (3::numeric, 1, 1) $$,
  'a position was closed with a profit of 3');
select is((select is_active from public.workflow_schedules), false, 'and the AI does not manage it any more');

select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 2, tests.fill('2', 100, 1));
select is((tests.position_of('one')).status, 'open', 'a late fill of its entry opens it again');
select is((select is_active from public.workflow_schedules), true, 'the AI manages it again');
select results_eq($$ select total_pnl::numeric, total_trades, winning_trades from public.paper_balances $$, $$ values (0::numeric, 0, 0) $$,
  'its result does not count while it is open');

select tests.sent_exit('one');
select tests.report((tests.order_of('one', 'exit')).id, 'filled', 1, tests.fill('s2', 98, 1));
select is((tests.position_of('one')).realized_pnl::numeric, 1::numeric, 'at the second close both sales count');
select results_eq($$ select total_pnl::numeric, total_trades, winning_trades, losing_trades from public.paper_balances $$,
  $$ values (1::numeric, 1, 1, 0) $$, 'as one trade');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
