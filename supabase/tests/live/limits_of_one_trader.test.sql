begin;
select plan(12);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{}', '{"max_position_quote": 1000, "max_exposure_quote": 150, "max_open_positions": 1}');
select tests.hire('beta');
select tests.go_live('ann');

-- Buys one for 100 by a trader and rests its stop; sells nothing.
create function pg_temp.buy(p_signal text, p_trader text) returns text language plpgsql as $$
declare
  v_call jsonb;
begin
  perform tests.decide(p_signal, p_trader, '{"stopLoss": 95}');
  v_call := tests.next_call();
  if v_call is null then
    return (select s.rejection_code from public.signals s where s.id = tests.signal_id(p_signal));
  end if;
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'filled', 1, jsonb_build_object('fills',
    jsonb_build_array(jsonb_build_object('trade_id', p_signal, 'price', '100', 'quantity', '1', 'value', '100', 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false,
      'executed_at', '2026-03-02 12:00:01+00'))))));
  v_call := tests.next_call();
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'working')));
  return 'bought';
end
$$;

select is(pg_temp.buy('one', 'beta'), 'bought', 'a trader buys on the account');
select is(pg_temp.buy('two', 'alpha'), 'bought', 'what it holds does not count against the limits of another one');
select is(pg_temp.buy('three', 'alpha'), 'max_exposure', 'but its own does');
select is(pg_temp.buy('four', 'beta'), 'bought', 'whatever the others are allowed');
select is((tests.facts_of('four') ->> 'exposure')::numeric, 100::numeric, 'exposure is the trader''s own');
select is((tests.facts_of('four') ->> 'exposure_all')::numeric, 200::numeric, 'and that of all');
select is((tests.facts_of('four') ->> 'equity')::numeric, (tests.facts_of('four') ->> 'equity_all')::numeric, 'equity is that of the account they share');

-- Alpha loses: a limit on the loss of its own day trips it, and it alone.
update public.risk_limits set max_daily_loss_quote = 3 where trader_id in (tests.trader_id('alpha'), tests.trader_id('beta'));
select trading.book_result((trading.live_account(tests.user_id('ann'))).id, tests.trader_id('alpha'), -5, trading.engine_now());
select is(trading.watch_losses(), 1, 'the watch trips one limit');
select is((select array_agg(s.scope || ' ' || s.state) from trading.trading_states s where s.scope_id = tests.trader_id('alpha')), '{trader reducing}', 'of the trader that lost');
select is((select count(*) from trading.trading_states s where s.scope in ('account', 'portfolio', 'user') and s.state <> 'active'), 0::bigint, 'account, portfolio and user go on');
select is(trading.standing_cause(tests.user_id('ann'), tests.trader_id('alpha'), trading.engine_now()), 'daily_loss', 'its cause stands');
select is(trading.standing_cause(tests.user_id('ann'), tests.trader_id('beta'), trading.engine_now()), null, 'the other one has none');

select * from finish();
rollback;
