begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 5000}');
select tests.hire('beta');
select tests.go_live('ann');
update public.traders set paper_trade_mode = true where name = 'beta';
update public.risk_limits set max_drawdown_percent = 1 where trader_id = tests.trader_id('beta');
select is(tests.bought_live('one', 'alpha'), 'bought', 'a live trader buys');
select tests.tick(97, 97.1);
select is(trading.watch_losses(), 0, 'what it loses does not trip its sibling on paper');
update public.traders set paper_trade_mode = false where name = 'beta';
select is(trading.watch_losses(), 0, 'nor one that only now joins it: its peak begins where it comes in');
select tests.tick(94, 94.1);
select is(trading.watch_losses(), 1, 'from there on it counts');

select * from finish();
rollback;
