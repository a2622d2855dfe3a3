begin;
select plan(10);
select tests.open_desk();
create temporary table ids as select tests.user_id('ann') as user_id, trading.portfolio_id(tests.user_id('ann'), 'paper') as portfolio_id,
  trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')) as account_id;
create function pg_temp.state() returns text language sql as $$
  select concat_ws(' ', s.state, s.epoch, s.flatten) from ids, trading.effective_state(user_id, portfolio_id, account_id, null) s
$$;
create function pg_temp.set(p_scope text, p_id uuid, p_state text) returns void language sql as $$
  insert into trading.trading_states as s (scope, scope_id, state, epoch) values (p_scope, p_id, p_state, 1)
  on conflict (scope, scope_id) do update set state = excluded.state, epoch = s.epoch + 1
$$;

select is(pg_temp.state(), 'active 0 f', 'where nothing was said trading is active');
select pg_temp.set('account', account_id, 'reducing') from ids;
select is(pg_temp.state(), 'reducing 1 f', 'a state of the account counts');
select pg_temp.set('user', user_id, 'halted') from ids;
select is(pg_temp.state(), 'halted 2 f', 'the strictest one rules');
select pg_temp.set('user', user_id, 'active') from ids;
select is(pg_temp.state(), 'reducing 3 f', 'each change is seen in the epoch');
select pg_temp.set('system', '00000000-0000-0000-0000-000000000000', 'halted');
select is(pg_temp.state(), 'halted 4 f', 'a halt of the system is over all');
select pg_temp.set('user', gen_random_uuid(), 'halted');
select is(pg_temp.state(), 'halted 4 f', 'a halt of somebody else is not');
select pg_temp.set('portfolio', trading.portfolio_id(user_id, 'live'), 'halted') from ids;
select is(pg_temp.state(), 'halted 4 f', 'nor is one of the user''s other mode');
select pg_temp.set('portfolio', portfolio_id, 'reducing') from ids;
select is(pg_temp.state(), 'halted 5 f', 'a state of the portfolio counts');
select throws_ok($$ update trading.trading_states set state = 'active', flatten = true $$, '23514', null,
  'nothing is flattened while trading is active');
update trading.trading_states set state = 'halted', flatten = true where scope = 'system';
select is(pg_temp.state(), 'halted 5 t', 'the wish to flatten counts from any scope');

select * from finish();
rollback;
