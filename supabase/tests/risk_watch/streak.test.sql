begin;
select plan(10);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.limit_trader('alpha', '{"max_consecutive_losses": 2}');
create function pg_temp.streaks() returns text language sql as $$
  select string_agg(scope || ' ' || loss_streak, ', ' order by scope, loss_streak) from trading.risk_marks
$$;
select tests.stop_out('one', 'alpha');
select is(pg_temp.streaks(), 'account 1, portfolio 1', 'a loss counts for its account and its portfolio');
select is(tests.state_of('account', 'alpha'), 'active', 'one less than allowed trips nothing');
select tests.enter('win', 'alpha');
select tests.tick(120, 120.01);
select tests.act_as_user('ann');
select public.close_position((tests.position_of('win')).id);
select tests.act_as_owner();
select tests.run_jobs();
select is(pg_temp.streaks(), 'account 0, portfolio 0', 'a win ends both');
select tests.stop_out('two', 'alpha');
select tests.stop_out('three', 'beta');
select is(tests.state_of('account', 'alpha'), 'active', 'losses of another trader do not count here');
select tests.stop_out('four', 'alpha');
select is(tests.state_of('account', 'alpha'), 'reducing', 'as many in a row as allowed take the account to reducing');
select is((select message from public.alerts where code = 'consecutive_losses'),
  'Losing positions in a row, one paper trader: 2 has reached the limit of 2. Trading is reducing: no new entries, exits go on.', 'its owner is told');
select is(trading.standing_cause(tests.user_id('ann'), trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')), trading.engine_now()), null,
  'nothing forbids to resume: somebody has looked');
update trading.trading_states set state = 'active', set_at = trading.engine_now() where scope = 'account';
select is(pg_temp.streaks(), 'account 0, account 1, portfolio 3', 'a resume counts anew, for what was resumed');
select tests.enter('five', 'alpha');
select is((tests.position_of('five')).status, 'open', 'and entries go on');
select is((select array_agg(was_forced) from trading.loss_trips), '{f}', 'without force');

select * from finish();
rollback;
