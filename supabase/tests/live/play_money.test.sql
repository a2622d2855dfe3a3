-- What was won and lost with play money is neither gain, loss, peak nor streak of the money that is traded with now.
begin;
select plan(18);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 40}', '{"max_position_quote": 100, "max_exposure_quote": 5000, "max_open_positions": 20}');
insert into trading.rollout_members values (tests.user_id('ann'), 'alpha');
update public.traders set paper_trade_mode = false;
update public.risk_limits set max_drawdown_percent = 20, max_consecutive_losses = 2;
insert into trading.exchange_clocks select e.environment, 0, 1, trading.engine_now() from trading.environments e where e.is_remote;

create function pg_temp.connect(p_environment text, p_uid text, p_cash numeric) returns void language plpgsql as $$
begin
  perform trading.connect_exchange_account(tests.user_id('ann'), p_environment, p_uid, 'key-of-' || p_uid, 'secret-of-' || p_uid);
  perform tests.next_call();
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'account', jsonb_build_object('uid', p_uid, 'can_trade', true),
    'balances', jsonb_build_array(jsonb_build_object('asset', 'USDT', 'free', p_cash::text, 'locked', '0'))));
  perform tests.answer('{"outcome": "accepted", "orders": []}');
end
$$;
-- All that was bought is sold at a price, in one request.
create function pg_temp.sell(p_signal text, p_price numeric) returns text language plpgsql as $$
declare
  v_call jsonb;
  v_new  jsonb;
begin
  perform trading.enqueue_job('exit', 'sell ' || p_signal, p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}')
  from tests.position_of(p_signal) p;
  v_call := tests.next_call();
  v_new := v_call #> '{request,order}';
  perform tests.answer(jsonb_build_object('outcome', 'accepted',
    'cancelled', tests.venue_report(jsonb_build_object('client_order_id', v_call #>> '{request,cancel_client_order_id}'), 'cancelled'),
    'order', tests.venue_report(v_new, 'filled', (v_new ->> 'quantity')::numeric, jsonb_build_object('fills', jsonb_build_array(jsonb_build_object(
      'trade_id', 'sell ' || p_signal, 'price', p_price::text, 'quantity', v_new ->> 'quantity', 'value', (p_price * (v_new ->> 'quantity')::numeric)::text,
      'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'SELL', 'executed_at', trading.engine_now()))))));
  delete from trading.jobs where status = 'queued';
  return (tests.position_of(p_signal)).status;
end
$$;
create function pg_temp.today() returns text language sql as $$
  select trim_scale(t.own) || ' of ' || trim_scale(t.total) from trading.realized_today(trading.portfolio_id(tests.user_id('ann'), 'live'),
    trading.own_scope_id(false, null, tests.trader_id('alpha')), trading.engine_now()) t
$$;
create function pg_temp.lose(p_amount numeric) returns int language sql as $$
  select trading.book_result((trading.live_account(tests.user_id('ann'))).id, tests.trader_id('alpha'), -p_amount, trading.engine_now());
  select trading.watch_losses()
$$;
create function pg_temp.figures() returns text language sql as $$
  select string_agg(format('%s %s, %s in a row', m.scope, trim_scale(m.peak_result), m.loss_streak), '; ' order by m.scope)
  from trading.measure_losses(array[trading.portfolio_id(tests.user_id('ann'), 'live')], trading.engine_now()) m
$$;

-- A thin book of the testnet: a sale at ten times the price, and one at a loss.
select pg_temp.connect('testnet', 'uid-t', 9000);
select tests.bought_live('fantasy', 'alpha');
select is(pg_temp.sell('fantasy', 1000), 'closed', 'play money is won');
select tests.bought_live('slip', 'alpha');
select pg_temp.sell('slip', 90);
select is(pg_temp.today(), '356 of 356', 'it counts while it is what is traded with');
select is(pg_temp.figures(), 'portfolio 360, 1 in a row; trader 360, 1 in a row', 'and so do its peak and its losing streak');

select pg_temp.connect('production', 'uid-p', 1000);
select is(pg_temp.today(), '0 of 0', 'nothing was won with real money today');
select is(pg_temp.figures(), 'portfolio 0, 0 in a row; trader 0, 0 in a row', 'its peak is not that of the play money, and it has not lost yet');
select is(trading.watch_losses(), 0, 'no drawdown from what was never there');
select is(tests.bought_live('one', 'alpha'), 'bought', 'so entries are bought');
select is((tests.facts_of('one') ->> 'peak_equity_all')::numeric, 1000::numeric, 'measured by the money of the account');
select pg_temp.sell('one', 90);
select is(pg_temp.figures(), 'portfolio 0, 1 in a row; trader 0, 1 in a row', 'a real loss is the first in a row');
select is(pg_temp.lose(17), 2, 'and the cap of the stage trips on what was really lost');
select is(tests.bought_live('two', 'alpha'), 'trading_not_active', 'after which nothing is bought');

-- There and back: no loss is forgotten on a walk through another environment, and what is resumed there excuses none.
select pg_temp.connect('testnet', 'uid-t', 9356);
select is(pg_temp.today(), '356 of 356', 'whoever goes back to the testnet finds what was made there');
create function pg_temp.resume() returns text language sql as $$
  select string_agg(tests.resume('ann', s.scope, s.scope_id, true), ', ' order by s.scope) from trading.trading_states s where s.state = 'reducing'
$$;
select is(pg_temp.resume(), 'reducing active, reducing active', 'nothing that is lost there is against trading');
select is(pg_temp.lose(400), 2, 'until it is');
select pg_temp.resume();
select is(trading.watch_losses(), 0, 'it trips once, where somebody resumed by force');

select pg_temp.connect('production', 'uid-p2', 500);
select is(pg_temp.today(), '-21 of -21', 'in earnest, on another account even, there is what was lost in earnest');
select is(pg_temp.figures(), 'portfolio 0, 1 in a row; trader 0, 1 in a row', 'with its peak and streak');
select is(trading.watch_losses(), 2, 'and that trips again');

select * from finish();
rollback;
