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

reset role;
