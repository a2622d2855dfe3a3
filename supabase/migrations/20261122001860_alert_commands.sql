-- Purpose: alerts that nothing but a look can end: the command for that look, and the day after which denials are old news.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- Whoever resolves these by hand would be told that something is over which stands.
create function trading.ends_by_itself(p_alert public.alerts) returns boolean
language sql immutable parallel safe
return (p_alert).code in (
  'emergency_stop', 'daily_loss', 'drawdown', 'consecutive_losses', 'stop_guard', 'low_profit', 'cooldown',
  'prices_missing', 'clock_behind', 'filters_doubted', 'symbol_not_trading', 'symbol_not_compared', 'comparison_stalled',
  'exit_failed', 'position_unguarded', 'sell_refused_for_funds', 'buy_refused_for_funds', 'venue_stop_refused', 'exchange_rate_limited', 'order_unproven', 'orders_outside',
  'exchange_silent', 'exchange_clock_off', 'exchange_key_refused', 'exchange_key_missing', 'exchange_key_wrong', 'exchange_key_cannot_trade',
  'coins_missing', 'balances_contradicted', 'fills_missing', 'report_conflict', 'order_believed_over')
  -- One that is open at the exchange ends with it; one that was executed has no end.
  or ((p_alert).code = 'order_unexplained' and not (p_alert).detail ? 'trade_id');
comment on function trading.ends_by_itself is 'Whether the engine resolves an alert once its cause is over: by an observation, or by the command that ends it.';

-- Security definer: alerts are read by their owners and written by the engine alone.
create function public.resolve_alert(p_alert_id uuid, p_note text) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now     timestamptz := trading.engine_now();
  v_note    text := trading.require_reason(p_note);
  v_for_all boolean := (select auth.role()) is not distinct from 'service_role' or trading.is_database_owner();
  v_alert   public.alerts;
begin
  select * into v_alert from public.alerts a where a.id = p_alert_id for no key update;
  if (v_alert.id is not null and (v_for_all or case when v_alert.user_id is null then public.is_operator() else v_alert.user_id = (select auth.uid()) end)) is not true then
    perform trading.raise_error('FB404', 'alert_not_found', 'there is no such alert', jsonb_build_object('id', p_alert_id));
  end if;
  if v_alert.resolved_at is not null then
    return to_jsonb(v_alert);
  end if;
  if trading.ends_by_itself(v_alert) then
    perform trading.raise_error('FB409', 'alert_ends_by_itself', format('the engine resolves %s when its cause is over', v_alert.code),
      jsonb_build_object('id', p_alert_id, 'alert', v_alert.code), 'End the cause: a stop by resume_trading, a quarantine by its commands, a lock by its time.');
  end if;
  update public.alerts a set resolved_at = v_now, resolved_by = trading.caller_name() where a.id = p_alert_id returning * into v_alert;
  perform trading.audit(v_now, 'alert_resolved', v_alert.user_id, null, 'alert', v_alert.id::text,
    jsonb_build_object('by', trading.caller_name(), 'note', v_note, 'code', v_alert.code, 'alert_subject', v_alert.subject_id, 'occurrences', v_alert.occurrences));
  return to_jsonb(v_alert);
end
$$;
comment on function public.resolve_alert is
  'Resolves one of the caller''s alerts (operators: of the installation) that the engine does not resolve by itself, with a note for the audit log; one that is resolved stays as it is. The same cause opens a new one. Returns the row. FB400 reason_invalid; FB404 alert_not_found; FB409 alert_ends_by_itself.';
grant execute on function public.resolve_alert to authenticated, service_role;

create function trading.end_old_denials(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.resolved_at is null and a.code like 'entry\_denied:%' and a.last_seen_at < p_now - interval '1 day';
end
$$;
comment on function trading.end_old_denials is 'Resolves alerts of denied entries that were not repeated for a day.';

reset role;
