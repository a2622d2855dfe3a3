begin;
select plan(4);
select trading.raise_alert('2026-03-02 12:00:00+00', 'warning', 'price_gap', null, 'symbol', 'SOLUSDT', 'A gap.', '{"n": 1}');
select trading.raise_alert('2026-03-02 12:05:00+00', 'warning', 'price_gap', null, 'symbol', 'SOLUSDT', 'A wider gap.', '{"n": 2}');
select trading.raise_alert('2026-03-02 12:05:00+00', 'warning', 'price_gap', null, 'symbol', 'ADAUSDT', 'A gap.');
select results_eq($$ select subject_id, occurrences, created_at < last_seen_at, message, detail from public.alerts order by 1 $$,
  $$ values ('ADAUSDT', 1, false, 'A gap.', '{}'::jsonb), ('SOLUSDT', 2, true, 'A wider gap.', '{"n": 2}') $$,
  'one open alert per cause and subject counts how often it was seen, and says what it saw last');
select throws_ok($$ update public.alerts set resolved_at = now() $$, '23514', null, 'an alert is resolved by somebody');
update public.alerts set resolved_at = now(), resolved_by = 'ann';
select trading.raise_alert('2026-03-02 13:00:00+00', 'warning', 'price_gap', null, 'symbol', 'SOLUSDT', 'A gap.');
select is((select count(*) from public.alerts where subject_id = 'SOLUSDT'), 2::bigint, 'after that the same cause opens a new one');
select is((select count(*) from public.alerts where resolved_at is null), 1::bigint, 'and the old one stays resolved');

select * from finish();
rollback;
