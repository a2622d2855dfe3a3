begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha');
create temporary table before as select * from public.traders;

create temporary table cases (setting text, value text);
insert into cases values ('sizing_value', '0'), ('sizing_value', '-1'), ('sizing_value', 'NaN'), ('sizing_value', 'Infinity'), ('sizing_method', 'all_in'),
  ('entry_order_type', 'stop'), ('paper_trade_balance', '-1'), ('paper_trade_balance', 'NaN'), ('paper_trade_balance', '0.000000001'),
  ('entry_timeout_seconds', '0'), ('signal_ttl_seconds', '0'), ('signal_ttl_seconds', '604801'), ('max_slippage_percent', '-0.1'),
  ('max_slippage_percent', '10.1'), ('max_slippage_percent', 'NaN'), ('default_stop_percent', '0'), ('default_stop_percent', '100'),
  ('default_stop_percent', 'NaN'), ('default_take_profit_percent', '0'), ('default_take_profit_percent', 'NaN');

create function pg_temp.change(p_setting text, p_value text) returns text language plpgsql as $$
begin
  perform tests.act_as_user('ann');
  execute format('update public.traders set %I = %L', p_setting, p_value);
  perform tests.act_as_owner();
  return 'changed';
exception when others then
  return sqlstate;
end
$$;
select is_empty($$ select * from cases where pg_temp.change(setting, value) <> '23514' $$,
  'a user cannot set what no entry could be computed from');
select tests.act_as_owner();
select set_eq('table before', 'select * from public.traders', 'and the trader stays as it was');

select * from finish();
rollback;
