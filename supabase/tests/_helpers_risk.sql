-- Helpers of the tests about risk rules, loss limits and locks.

create or replace function tests.risk_says(p_rule text, p_limits jsonb, p_facts jsonb default '{}', p_missing text[] default '{}', p_all jsonb default null)
returns text
language sql stable set search_path = ''
as $$
  select tests.rule_says(p_rule, '{"required_tier": null, "tier": null, "locks": [], "held_price_age_ms": 0, "held_price_age_all_ms": 0, "max_loss": 5, "reward": 10,
    "loss_now": 0, "loss_now_all": 0, "loss_at_stops": 0, "loss_at_stops_all": 0, "peak_equity": 10000, "peak_equity_all": 10000, "loss_streak": 0,
    "loss_streak_all": 0, "since_entry_ms": 1e12, "since_entry_all_ms": 1e12}'::jsonb || p_facts
    || jsonb_build_object('limits', '{"min_position_quote": 10}'::jsonb || p_limits, 'limits_all', p_all), p_missing)
$$;
comment on function tests.risk_says is
  'tests.rule_says with facts of losses and locks that are all good but for p_facts and p_missing, under limits of the trader and of all traders.';

create or replace function tests.limit_trader(p_trader text, p_limits jsonb) returns void
language plpgsql set search_path = ''
as $$
begin
  perform set_config('request.jwt.claims', '{"role": "service_role"}', true);
  perform public.set_risk_limits('{"max_position_quote": 10000, "max_exposure_quote": 20000, "max_open_positions": 20}'::jsonb || p_limits, tests.trader_id(p_trader), p_replace => true);
  perform set_config('request.jwt.claims', '', true);
end
$$;
comment on function tests.limit_trader is 'Sets a trader''s limits: wide ones, and those named.';

create or replace function tests.limit_all(p_user text, p_limits jsonb) returns void
language plpgsql set search_path = ''
as $$
begin
  perform set_config('request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', tests.user_id(p_user))::text, true);
  perform public.set_risk_limits(p_limits, p_mode => 'paper', p_replace => true);
  perform set_config('request.jwt.claims', '', true);
end
$$;
comment on function tests.limit_all is 'Sets the account-wide limits of a user''s paper traders.';

create or replace function tests.rejection(p_signal text) returns text
language sql stable set search_path = ''
as $$
  select s.rejection_code from public.signals s where s.id = tests.signal_id(p_signal)
$$;
comment on function tests.rejection is 'Why the signal''s decision became no position; null when it did.';

create or replace function tests.stop_out(p_signal text, p_trader text, p_bid numeric default 94) returns void
language plpgsql set search_path = ''
as $$
begin
  perform tests.tick(99.99, 100);
  perform tests.enter(p_signal, p_trader);
  perform tests.tick(p_bid, p_bid + 0.01);
  perform tests.run_jobs();
  perform tests.tick(99.99, 100);
end
$$;
comment on function tests.stop_out is 'A position for 100 USDT that is entered at 100 and stopped at 95, or at the gap of p_bid; the market returns.';

create or replace function tests.state_of(p_scope text, p_name text) returns text
language sql stable set search_path = ''
as $$
  select coalesce((select s.state from trading.trading_states s where s.scope = p_scope
    and s.scope_id = case p_scope when 'account' then trading.paper_account_id(tests.trader_id(p_name), tests.user_id('ann'))
      when 'portfolio' then trading.portfolio_id(tests.user_id(p_name), 'paper') else tests.user_id(p_name) end), 'active')
$$;
comment on function tests.state_of is 'The trading state of a user, of the portfolio of a user''s paper traders, or of a trader''s paper account.';

grant execute on all functions in schema tests to public;
