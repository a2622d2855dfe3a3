-- Rows of the live tables, with what real ones had that one would not expect.

insert into auth.users (id, aud, role, email, email_confirmed_at) values
  ('0a000000-0000-4000-8000-000000000001', 'authenticated', 'authenticated', 'alice@upstream.test', now()),
  ('0b000000-0000-4000-8000-000000000002', 'authenticated', 'authenticated', 'bob@upstream.test', now());
insert into public.user_profiles (id, email, display_name, is_admin) values
  ('0a000000-0000-4000-8000-000000000001', 'alice@upstream.test', 'Alice', false),
  ('0b000000-0000-4000-8000-000000000002', 'bob@upstream.test', null, true);
insert into public.user_subscriptions (user_id, tier, status) values
  ('0a000000-0000-4000-8000-000000000001', 'elite', 'active'),
  ('0b000000-0000-4000-8000-000000000002', 'pro', 'past_due');

insert into public.traders
  (id, user_id, name, description, enabled, mode, filter, strategy, is_built_in, access_tier, auto_execute_trades, execution_interval)
values
  ('a0000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000001', 'Breakout', 'Buys breakouts', true,
    'demo', '{"interval": "15m", "code": "return true"}', '{"instructions": "wait for volume"}', false, 'elite', true, '15m'),
  -- A client wrote its filter as text: a JSON string with JSON in it.
  ('a0000000-0000-4000-8000-000000000002', '0a000000-0000-4000-8000-000000000001', 'Quoted', 'Filter is text', true,
    'live', '"{\"interval\": \"1h\", \"code\": \"return false\"}"', '"{}"', false, 'pro', false, null),
  ('a0000000-0000-4000-8000-000000000003', null, 'Built in', 'For everybody', null, 'demo', '{}', '{}', true, 'anonymous', true, '5m'),
  ('a0000000-0000-4000-8000-000000000004', '0b000000-0000-4000-8000-000000000002', 'Bob''s', '', false, null,
    '{"interval": "5m"}', '[]', null, 'free', null, '5m');

insert into public.signals
  (id, trader_id, user_id, symbol, interval, timestamp, price_at_signal, count, source, indicator_data, status, closed_at)
select ('50000000-0000-4000-8000-00000000000' || n)::uuid, 'a0000000-0000-4000-8000-000000000001',
  case when n % 2 = 0 then '0a000000-0000-4000-8000-000000000001'::uuid end, 'BTCUSDT', '15m',
  timestamptz '2026-01-01 00:00:00.123456Z' + n * interval '15 minutes', 42000.12345678 + n, n, 'cloud',
  '{"rsi": 71.25}', status, case when status in ('completed', 'expired') then timestamptz '2026-01-02Z' end
from unnest('{new,monitoring,ready,in_position,completed,expired,archived}'::text[]) with ordinality as s (status, n);

-- Written before the trigger saw them, as an import does: the signals keep the status they have.
alter table public.signal_analyses disable trigger analysis_changes_signal;
insert into public.signal_analyses (signal_id, trader_id, user_id, decision, confidence, reasoning, key_levels, trade_plan, raw_ai_response)
values
  ('50000000-0000-4000-8000-000000000003', 'a0000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000001',
    'enter_trade', 81.25, 'Strong', '{"entry": 42003, "stopLoss": "41000", "takeProfit": [43000]}', '{"setup": "x"}', '```json {} ```'),
  ('50000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001', null,
    'wait', 50, 'Not yet', null, null, null);
alter table public.signal_analyses enable trigger analysis_changes_signal;

insert into public.workflow_schedules (workflow_type, entity_id, trader_id, symbol, interval, last_candle_time, consecutive_errors, is_active)
values
  ('signal_monitoring', '50000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001', 'BTCUSDT', '15m',
    1767225600000, 4, true),
  ('position_management', '50000000-0000-4000-8000-000000000009', null, 'ETHUSDT', '5m', null, null, false);
insert into public.monitoring_decisions (signal_id, decision, confidence, reasoning, price)
values ('50000000-0000-4000-8000-000000000002', 'continue', 55.5, 'Hold on', 42001.5);
insert into public.position_management_decisions (position_id, action, confidence, details, indicators)
values ('pos-1', 'hold', 60, '{"note": "none"}', '{"ema": 1}');
