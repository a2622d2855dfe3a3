-- Purpose: the verdict on an entry, the same verdict again, and the verdict under other limits.
-- Locks:   none.

set role fillbase_engine;

create function trading.judge_entry(p_facts jsonb) returns jsonb
language plpgsql immutable set search_path = ''
as $$
declare
  -- Without a price these fail too; that does not make a missing price final.
  c_priced constant text[] := '{stop_side,target_side,stop_present,stop_distance,reward_risk,price_deviation,entry_deviation,spread,filters,exitable,max_order,max_position,max_position_percent,min_position,max_loss,exposure,exposure_percent,exposure_all,exposure_percent_all,balance,daily_loss_at_stops,daily_loss_at_stops_all}';
  v_rules   jsonb;
  v_failed  text[];
  v_mending text[];
  v_code    text;
  v_message text;
begin
  select jsonb_agg(case when e.passed then jsonb_build_object('rule', e.rule, 'passed', true, 'observed', e.observed, 'limit', e.limit_value)
      else jsonb_build_object('rule', e.rule, 'passed', false, 'observed', e.observed, 'limit', e.limit_value, 'code', e.code, 'message', e.message)
      end order by e.n),
    coalesce(array_agg(e.rule order by e.n) filter (where not e.passed), '{}'),
    coalesce(array_agg(e.rule order by e.n) filter (where not e.passed and e.is_retryable), '{}'),
    (array_agg(e.code order by e.n) filter (where not e.passed))[1],
    (array_agg(e.message order by e.n) filter (where not e.passed))[1]
  into v_rules, v_failed, v_mending, v_code, v_message
  from trading.evaluate_entry(p_facts) with ordinality as e (rule, code, passed, observed, limit_value, message, is_retryable, n);
  return jsonb_build_object('rules', v_rules, 'passed', cardinality(v_failed) = 0, 'code', v_code, 'message', v_message,
    'is_retryable', cardinality(v_mending) > 0
      and v_failed <@ (v_mending || case when 'price_present' = any (v_failed) then c_priced else '{}' end));
end
$$;
comment on function trading.judge_entry is 'Every rule on a set of facts and the verdict: {rules, passed, code, message, is_retryable}. Pure.';

create function trading.assess_entry(p_signal public.signals, p_trader public.traders, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_facts jsonb := trading.entry_facts(p_signal, p_trader, p_now);
begin
  return trading.judge_entry(v_facts) || jsonb_build_object('facts', v_facts);
end
$$;
comment on function trading.assess_entry is 'Facts, every rule and the verdict of an entry as JSON: {facts, rules, passed, code, message, is_retryable}. Writes nothing.';

-- Other limits are laid over those the verdict was given under: what is named is replaced, null takes a limit away. The
-- order's size and the losses of that day stay as they were; a limit that would have changed them is not asked about that.
create function trading.replay_risk(p_check_id uuid, p_limits jsonb default null, p_limits_all jsonb default null) returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_facts jsonb := (select c.facts from trading.risk_checks c where c.id = p_check_id);
begin
  if v_facts is null then
    perform trading.raise_error('FB404', 'risk_check_not_found', 'there is no such verdict', jsonb_build_object('risk_check_id', p_check_id));
  end if;
  -- A misspelt limit would be answered as if it had been met.
  if p_limits is not null then
    perform trading.parse_limits(p_limits);
    v_facts := v_facts || jsonb_build_object('limits', coalesce(nullif(v_facts -> 'limits', 'null'), '{}') || p_limits);
  end if;
  if p_limits_all is not null then
    perform trading.parse_limits(p_limits_all);
    v_facts := v_facts || jsonb_build_object('limits_all', coalesce(nullif(v_facts -> 'limits_all', 'null'), '{}') || p_limits_all);
  end if;
  return trading.judge_entry(v_facts) - 'is_retryable';
end
$$;
comment on function trading.replay_risk is
  'A stored verdict computed again, or as it would have been under other limits of the trader (p_limits) and of all traders (p_limits_all): {rules, passed, code, message}. FB404 risk_check_not_found; FB400 limits_invalid, limits_unknown.';
grant execute on function trading.replay_risk to service_role;

create view public.risk_verdicts with (security_invoker = true) as
  select c.id, c.user_id, c.trader_id, c.signal_id, c.decision_id, c.passed, c.code, c.message, c.rules, c.limits_version, c.limits_all_version, c.checked_at
  from trading.risk_checks c;
comment on view public.risk_verdicts is 'Verdicts on the caller''s entries: every rule with observed value and limit, and the versions of the limits they were judged by.';

create view public.risk_locks with (security_invoker = true) as
  select l.id, l.user_id, case when l.scope_id is not null then p.trader_id end as trader_id, l.symbol, l.code, l.reason, l.until, l.created_at,
    l.cause as position_id
  from trading.risk_locks l join public.positions p on p.id = l.cause;
comment on view public.risk_locks is 'What keeps the caller''s entries locked, and until when; symbol null: all, trader_id null: all traders of the mode.';
create view public.stop_overshoots with (security_invoker = true) as
  select o.id as order_id, o.position_id, o.user_id, o.trader_id, o.symbol, o.finished_at, trim_scale(o.trigger_price)::text as stop,
    trim_scale(f.quantity)::text as quantity, trim_scale(o.trigger_price * f.quantity - f.value)::text as overshoot
  from public.orders o
  cross join lateral (select sum(t.quantity) as quantity, sum(t.value) as value from public.trades t where t.order_id = o.id) f
  where o.role = 'stop_loss' and o.filled_quantity > 0 and f.value < o.trigger_price * f.quantity;
comment on view public.stop_overshoots is 'Stops that sold below their trigger, and how much that cost before fees (USDT, text): what gaps and thin books took beyond the limit.';
revoke all on public.risk_verdicts, public.risk_locks, public.stop_overshoots from public, anon, authenticated, service_role;
grant select on public.risk_verdicts, public.risk_locks, public.stop_overshoots to authenticated, service_role;

reset role;
