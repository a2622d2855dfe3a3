-- Purpose: what an owner hears of a sale that is not made yet.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- What is tried again at once has not failed yet: it is critical when what was to be sold will still be held after five
-- seconds, as long as a position may be without a stop. Whoever only waits, for another order or for the request budget, has not
-- failed before, either. A replacement whose old order was not open any more mostly means that the exchange's own stop has sold;
-- its fills are on their way.
create function trading.alert_failed_exit(p_job trading.jobs, p_outcome jsonb, p_is_turned_away boolean, p_next_try_at timestamptz, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  c_patience constant interval := '5 seconds';
  v_is_late boolean := p_next_try_at > p_job.waits_since + c_patience;
begin
  if not v_is_late and (not p_is_turned_away or (p_outcome ->> 'cause' = 'cancel_failed' and p_job.failures < 3)) then
    return;
  end if;
  perform trading.raise_alert(p_now, case when v_is_late then 'critical' else 'warning' end,
    'exit_failed', p.user_id, 'position', p.id::text,
    format('The exit of %s (%s) did not sell everything and is tried again: %s', p.symbol, p_job.payload ->> 'reason', p_outcome ->> 'message'),
    jsonb_build_object('code', p_outcome ->> 'code', 'job_id', p_job.id, 'attempts', p_job.attempts, 'quantity', trading.money_text(p.quantity)))
  from public.positions p where p.id = p_job.position_id;
end
$$;
comment on function trading.alert_failed_exit is
  'Opens the owner''s alert for a position that still holds what was to be sold, or counts another try; a warning, and critical once it lasts for over 5 s; before that none for what was not turned away. Resolved by the close, or trading.end_exit_alert.';

create function trading.end_exit_alert(p_job trading.jobs, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.code = 'exit_failed' and a.subject_id = p_job.position_id::text and a.resolved_at is null and a.detail -> 'job_id' = to_jsonb(p_job.id);
end
$$;
comment on function trading.end_exit_alert is 'Resolves exit_failed of an exit that is over: of a part, the position stays open.';

reset role;
