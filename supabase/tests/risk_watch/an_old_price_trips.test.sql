begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 200}');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 50}');
select tests.enter('held', 'alpha', '{"stopLoss": 80}');
select tests.tick(85, 85.01);
select is(trading.watch_losses(trading.engine_now()), 0, 'an open loss within its limit trips nothing');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 20}');
-- The feed has died: the last price is ten minutes old.
select trading.set_clock(trading.engine_now() + interval '10 minutes');
select is(trading.watch_losses(trading.engine_now()), 1, 'one that the last known price takes past its limit trips, however old that price is');
select is(tests.state_of('account', 'alpha'), 'reducing', 'no entry is made any more');

-- Where nothing is known nothing is measured.
select tests.hire('beta', 'bob', '{"sizing_value": 200}');
select tests.limit_trader('beta', '{"max_daily_loss_quote": 20}');
select tests.tick(99.99, 100);
select tests.enter('unknown', 'beta', '{"stopLoss": 80}');
delete from public.market_prices;
select is(trading.watch_losses(trading.engine_now()), 0, 'a price that is missing trips nothing');

select * from finish();
rollback;
