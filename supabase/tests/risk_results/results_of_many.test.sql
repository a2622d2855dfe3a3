-- The day's results of many portfolios at once, against the rule as it is said for one: each day from today on that knows a
-- result in the portfolio may be the beginning, and the worst of them counts.
begin;
select plan(10);
create function pg_temp.as_said(p_portfolio_id uuid, p_scope_id uuid, p_at timestamptz) returns numeric language sql as $$
  select coalesce(min((
    select coalesce(sum(r.realized), 0) from trading.daily_results r
    where r.portfolio_id = p_portfolio_id and r.day >= b.day and p_scope_id in (r.scope_id, p_portfolio_id))), 0)
  from (select distinct r.day from trading.daily_results r where r.portfolio_id = p_portfolio_id and r.day >= (p_at at time zone 'UTC')::date) b
$$;
create function pg_temp.id(p_name text) returns uuid language sql as $$ select md5(p_name)::uuid $$;

-- 40 portfolios with up to four scopes each, and of every scope and day a result or none, gains and losses, seeded.
create temporary table scope as
  select pg_temp.id('portfolio ' || p) as portfolio_id, pg_temp.id(format('scope %s of %s', s, p)) as scope_id
  from generate_series(1, 40) p, generate_series(1, 1 + p % 4) s;
insert into trading.portfolios (id, user_id, mode, created_at) select distinct portfolio_id, portfolio_id, 'paper', now() from scope;
insert into trading.daily_results (portfolio_id, scope_id, environment, day, realized)
select c.portfolio_id, c.scope_id, 'paper', d::date, round((trading.seeded_unit(c.scope_id::text || d::date) - 0.5) * 200, 8)
from scope c, generate_series('2026-02-27'::timestamp, '2026-03-05', '1 day') d
where trading.seeded_unit('is there ' || c.scope_id || d::date) < 0.5;
-- Nobody's: a portfolio without results.
insert into scope values (pg_temp.id('idle'), pg_temp.id('idler'));
create temporary table moment (at) as values
  ('2026-03-01 23:59:59.999999+00'::timestamptz), ('2026-03-02 00:00+00'), ('2026-03-02 12:00+00'), ('2026-03-05 23:59:59+00'), ('2026-03-06 00:00+00'), ('2026-02-01 00:00+00');

create temporary table measured as
  select m.at, r.* from moment m cross join lateral trading.results_of_day((select array_agg(distinct c.portfolio_id) from scope c), m.at) r;
create temporary table compared as
  select m.at, w.portfolio_id, w.scope_id, pg_temp.as_said(w.portfolio_id, w.scope_id, m.at) as said, coalesce(r.realized, 0) as measured,
    case when w.scope_id = w.portfolio_id then t.total else t.own end as alone
  from moment m
  cross join (select * from scope union select c.portfolio_id, c.portfolio_id from scope c) w
  cross join lateral trading.realized_today(w.portfolio_id, w.scope_id, m.at) t
  left join measured r on r.at = m.at and r.portfolio_id = w.portfolio_id and r.scope_id = w.scope_id;
select is((select count(*) from compared), 6 * (101::bigint + 41), 'every scope and every portfolio is looked at once, at six moments');
select is_empty('select * from compared where measured is distinct from said', 'the results of many at once are each what the rule says of it');
select is_empty('select * from compared where alone is distinct from said', 'and so is the result of one');
select cmp_ok((select count(*) from compared where said < 0), '>', 100::bigint, 'losses among them');
select cmp_ok((select count(*) from compared where said > 0), '>', 10::bigint, 'gains');
select cmp_ok((select count(distinct c.scope_id) from compared c join compared d using (scope_id) where c.said <> d.said), '>', 50::bigint, 'and days that differ');
select is((select array[t.own, t.total] from trading.realized_today(pg_temp.id('portfolio 3'), null, '2026-03-02 12:00+00') t),
  (select array[0, c.said] from compared c where c.scope_id = pg_temp.id('portfolio 3') and c.at = '2026-03-02 12:00+00'), 'without a scope there is the portfolio''s result alone');
select is_empty($$select * from trading.results_of_day(null, '2026-03-02 12:00+00')$$, 'of no portfolios there are none');

set local timezone = 'Asia/Tokyo';
select set_eq($$select m.at, r.* from moment m cross join lateral trading.results_of_day((select array_agg(distinct c.portfolio_id) from scope c), m.at) r$$,
  'select * from measured', 'the day is that of UTC, whatever the time zone of the session');
select is_empty($$select from scope c where trading.own_scope_id(false, null, c.scope_id) <> trading.derived_id('live_trader', c.scope_id::text)$$,
  'a live trader''s scope is the id that is derived from the trader''s');

select * from finish();
rollback;
