begin;
select plan(14);

create temporary table bell as select trading.bell_token('2026-03-02 12:00:00+00') as token, '2026-03-02 12:00:00+00'::timestamptz as rung_at;
create function pg_temp.valid(p_token text, p_after text) returns boolean language sql as $$
  select trading.is_bell_valid(p_token, rung_at + p_after::interval) from bell
$$;

select matches((select token from bell), '^[0-9]{10}\.[0-9a-f]{64}$', 'a bell is a time and its signature');
select ok(pg_temp.valid((select token from bell), '0'), 'it is good at once');
select ok(pg_temp.valid((select token from bell), '60 seconds'), 'and for 60 seconds');
select ok(not pg_temp.valid((select token from bell), '61 seconds'), 'no longer');
select ok(pg_temp.valid((select token from bell), '-60 seconds'), 'a clock may be behind by as much');
select ok(not pg_temp.valid((select token from bell), '-61 seconds'), 'not by more');
select ok(not pg_temp.valid(regexp_replace((select token from bell), '^[0-9]+', '1772452801'), '0'),
  'another time under the same signature is refused');
select ok(not pg_temp.valid(overlay((select token from bell) placing (case when right(token, 1) = '0' then '1' else '0' end) from length(token)), '0'),
  'another last digit is refused') from bell;
select ok(not pg_temp.valid(split_part((select token from bell), '.', 1) || '.' || repeat('0', 64), '0'), 'a made-up signature is refused');
select ok(not pg_temp.valid((select token from bell) || ' ', '0'), 'something behind it is refused');
select ok(not pg_temp.valid(upper((select token from bell)), '0') or (select upper(token) = token from bell), 'capitals are refused');
select ok(not pg_temp.valid('', '0'), 'nothing is refused');
select ok(not pg_temp.valid('999999999999999999999999.' || repeat('0', 64), '0'), 'a time beyond all times is refused, not an error');
select ok(not coalesce(pg_temp.valid(null, '0'), false), 'null is refused');

select * from finish();
rollback;
