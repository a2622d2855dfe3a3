begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.limit_trader('alpha', '{"low_profit_trades": 1, "low_profit_window_seconds": 3600, "low_profit_min_quote": 0, "low_profit_pause_seconds": 60}');
select tests.limit_all('ann', '{"low_profit_trades": 2, "low_profit_window_seconds": 3600, "low_profit_min_quote": 0, "low_profit_pause_seconds": 86400}');
create function pg_temp.lose(p_signal text, p_trader text) returns void language plpgsql as $$
begin
  perform tests.tick(99.99, 100);
  perform tests.enter(p_signal, p_trader);
  perform tests.tick(94, 94.01);
  perform tests.run_jobs();
end
$$;

select pg_temp.lose('one', 'beta');
select is_empty('select from trading.risk_locks', 'one loss of one trader is fewer than all together may have');
select pg_temp.lose('two', 'alpha');
select set_eq($$ select code, scope_id is null, extract(epoch from until - created_at)::int from trading.risk_locks $$,
  $$ values ('low_profit', false, 60), ('low_profit', true, 86400) $$, 'both rows of limits lock, the account-wide one the symbol for all');
select tests.tick(99.99, 100);
select tests.enter('three', 'beta');
select is(tests.rejection('three'), 'low_profit', 'which denies the other trader too');

select * from finish();
rollback;
