begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
create temporary table before as select * from tests.snapshot();
select tests.act_as_user('ann');
create function pg_temp.refused(p_limits text, p_why text) returns text language sql as $$
  select tests.raises(format('select public.set_risk_limits(%L, tests.trader_id(%L))', p_limits, 'alpha'), 'FB400', 'limits_invalid', p_why)
$$;

select pg_temp.refused('{"min_position_quote": 60, "max_order_quote": 50}', 'a smallest position above the largest order');
select pg_temp.refused('{"min_position_quote": 60, "max_exposure_quote": 50}', 'or above the largest exposure');
select pg_temp.refused('{"stop_guard_count": 3, "stop_guard_window_seconds": 60}', 'a guard without its pause');
select pg_temp.refused('{"low_profit_trades": 3, "low_profit_min_quote": 0, "low_profit_pause_seconds": 60}', 'one without its window');
select pg_temp.refused('{"max_daily_loss_quote": -1}', 'a negative loss');
select pg_temp.refused('{"max_daily_loss_quote": 0}', 'no loss at all: that would be no trading');
select pg_temp.refused('{"max_daily_loss_percent": 100.1}', 'more than everything');
select pg_temp.refused('{"max_drawdown_percent": "NaN"}', 'NaN');
select pg_temp.refused('{"min_reward_risk": "Infinity"}', 'Infinity');
select pg_temp.refused('{"max_consecutive_losses": 0}', 'not one loss');
select pg_temp.refused('{"min_order_interval_seconds": 1.5}', 'half a second where seconds are counted');
select pg_temp.refused('{"cooldown_seconds": 9999999999}', 'a number that fits nowhere');
select pg_temp.refused('{"max_loss_per_position": {"usdt": 5}}', 'an object');

select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and each time everything stayed as it was');

select * from finish();
rollback;
