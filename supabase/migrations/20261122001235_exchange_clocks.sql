-- Purpose: how far the exchange's clock is ahead of ours.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.is_better_clock(p_known trading.exchange_clocks, p_new trading.exchange_clocks) returns boolean
language sql immutable
return p_known.uncertainty_ms < p_new.uncertainty_ms and abs(p_known.offset_ms - p_new.offset_ms) <= p_new.uncertainty_ms;
comment on function trading.is_better_clock is 'Whether a measurement that is known is finer than a new one and agrees with it.';

-- The exchange looked at its clock somewhere between our permit and our receiving the answer.
create function trading.measure_clock(p_call trading.exchange_calls, p_server_ms numeric, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_half_ms numeric := extract(epoch from p_now - p_call.permitted_at) * 500;
begin
  insert into trading.exchange_clocks as c (environment, offset_ms, uncertainty_ms, measured_at)
  values (p_call.environment, round(p_server_ms - extract(epoch from p_call.permitted_at) * 1000 - v_half_ms, 3), round(v_half_ms, 3), p_now)
  -- A slow answer knows less than a fast one: while the two agree, the better one stays.
  on conflict (environment) do update set measured_at = excluded.measured_at,
    offset_ms = case when trading.is_better_clock(c, excluded) then c.offset_ms else excluded.offset_ms end,
    uncertainty_ms = case when trading.is_better_clock(c, excluded) then c.uncertainty_ms else excluded.uncertainty_ms end;
end
$$;
comment on function trading.measure_clock is 'Remembers how far the exchange''s clock is ahead, and within which bounds.';

-- A call that arrives outside of its window (-1021) has done nothing. A sale, a stop or a question is tried again; an entry
-- is over with its decision, and its owner should learn that it was not the market.
create function trading.distrust_clock(p_call trading.exchange_calls, p_user_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.exchange_clocks c set measured_at = '-infinity', uncertainty_ms = 86400000 where c.environment = p_call.environment;
  perform trading.raise_alert(p_now, 'warning', 'exchange_clock_off', p_user_id, 'account', p_call.account_id::text,
    'A call reached the exchange outside of its time: the clocks have moved apart, or the network was slow. Nothing was placed by it; the exchange''s clock is measured before the next one.',
    jsonb_build_object('environment', p_call.environment, 'action', p_call.action, 'symbol', p_call.symbol, 'position_id', p_call.position_id, 'call_id', p_call.id));
end
$$;
comment on function trading.distrust_clock is 'After a refusal for the time of a call: its exchange''s clock is measured anew before the next one, and the owner is told.';

-- The clock is measured within the second: an alert that ended with that would be seen by nobody.
create function trading.end_clock_alerts(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.code = 'exchange_clock_off' and a.resolved_at is null and a.last_seen_at < p_now - interval '10 minutes';
end
$$;
comment on function trading.end_clock_alerts is 'On each sweep: resolves exchange_clock_off where no call was late for ten minutes.';

reset role;
