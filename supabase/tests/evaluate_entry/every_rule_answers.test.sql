begin;
select plan(4);

select is((select count(*) from trading.evaluate_entry('{}')), (select count(distinct rule) from trading.evaluate_entry('{}')),
  'each rule answers once, even when nothing is known');

-- Rules that compare with a limit let pass what no limit was set for; every other rule denies what it knows nothing of.
select set_eq(
  $$ select rule from trading.evaluate_entry('{}') where passed $$,
  array['confidence', 'min_confidence', 'stop_distance', 'max_position', 'max_position_percent', 'exposure',
        'exposure_percent', 'exposure_all', 'exposure_percent_all', 'open_positions', 'open_positions_all', 'open_in_symbol', 'open_in_symbol_all',
        'tier', 'consecutive_losses', 'consecutive_losses_all', 'order_interval', 'order_interval_all', 'held_price_age', 'spread', 'reward_risk',
        'price_deviation', 'entry_deviation', 'max_order', 'max_loss', 'daily_loss', 'daily_loss_all', 'daily_loss_at_stops', 'daily_loss_at_stops_all',
        'drawdown', 'drawdown_all'],
  'without any facts only limits that were never set let an entry pass');

select set_eq($$ select rule from trading.evaluate_entry('{}') where is_retryable $$, array['price_present', 'price_age', 'held_price_age'],
  'only a missing or an old price may be mended by waiting');

select is_empty(
  $$ select rule from trading.evaluate_entry('{}') where code !~ '^[a-z_]+$' or message !~ '[a-z]+ [a-z]+' $$,
  'every rule has a stable code and says in words what it is about');

select * from finish();
rollback;
