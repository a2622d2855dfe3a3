begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.limit_trader('alpha', '{"low_profit_trades": 2, "low_profit_window_seconds": 3600, "low_profit_min_quote": 0, "low_profit_pause_seconds": 600}');
create function pg_temp.close_at(p_signal text, p_bid numeric) returns void language plpgsql as $$
begin
  perform tests.tick(99.99, 100);
  perform tests.enter(p_signal, 'alpha');
  perform tests.tick(p_bid, p_bid + 0.01);
  perform set_config('request.jwt.claims', '{"role": "service_role"}', true);
  perform public.close_position((tests.position_of(p_signal)).id);
  perform set_config('request.jwt.claims', '', true);
  perform tests.run_jobs();
end
$$;

select pg_temp.close_at('one', 98);
select is_empty('select from trading.risk_locks', 'fewer positions than counted to lock nothing');
-- Bought at 100 and sold at 98 or 105, 0.1 % a side: -2.195902 and +4.790105.
select pg_temp.close_at('two', 105);
select is_empty('select from trading.risk_locks', 'nor do those that together made enough');
select pg_temp.close_at('three', 96);
select results_eq('select code, symbol, reason from trading.risk_locks order by created_at limit 1',
  $$ values ('low_profit', 'SOLUSDT', '3 positions in SOLUSDT made -1.597701 within 3600 s') $$, 'as many that made too little lock the symbol');
select is((select count(*) from public.alerts where code = 'low_profit' and severity = 'warning'), (select count(*) from trading.risk_locks), 'each with its alert');
select tests.tick(99.99, 100);
select tests.enter('five', 'alpha');
select is(tests.rejection('five'), 'low_profit', 'and deny the next entry there');

select * from finish();
rollback;
