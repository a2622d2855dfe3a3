begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
create function pg_temp.today(p_trader text) returns text language sql as $$
  select trim_scale(t.own) || ' of ' || trim_scale(t.total)
  from trading.realized_today(trading.portfolio_id(tests.user_id('ann'), 'paper'), trading.paper_account_id(tests.trader_id(p_trader), tests.user_id('ann')), trading.engine_now()) t
$$;
-- By other means than the engine: from the positions and fills alone.
create view pg_temp.wrong_days as
  select coalesce(r.scope_id, f.scope_id) from trading.daily_results r
  full join (
    select x.account_id as scope_id, x.day, sum(x.amount) as amount from (
      select t.account_id, (t.executed_at at time zone 'UTC')::date as day, t.realized_pnl::numeric as amount from public.trades t where t.side = 'SELL'
      union all
      select p.account_id, (p.exit_time at time zone 'UTC')::date, p.realized_pnl - (select sum(t.realized_pnl) from public.trades t where t.position_id = p.id)
      from public.positions p where p.status = 'closed') x
    group by 1, 2) f using (scope_id, day)
  where coalesce(r.realized, 0) <> coalesce(f.amount, 0);

select is(pg_temp.today('alpha'), '0 of 0', 'a day begins at zero');
select tests.stop_out('one', 'alpha');
-- 0.999 bought for 100 and sold at 94: 93.906 less 0.093906.
select is(pg_temp.today('alpha'), '-6.187906 of -6.187906', 'a stop loss is a loss of its day');
select tests.stop_out('two', 'beta', 90);
select is(pg_temp.today('alpha'), '-6.187906 of -16.367816', 'each account has its own, the portfolio their sum');
update public.traders set sizing_value = 150 where name = 'alpha';
select tests.stop_out('dusty', 'alpha');
select isnt((tests.position_of('dusty')).dust_quantity::numeric, 0::numeric, 'a base fee leaves dust behind');
select is_empty('select * from pg_temp.wrong_days', 'dust is part of its day''s result: every day is what fills and closed positions say');
select is((select sum(realized) from trading.daily_results), (select sum(p.realized_pnl) from public.positions p), 'and the days together are what positions made');

select trading.set_clock('2026-03-03 00:00:00+00');
select is(pg_temp.today('alpha'), '0 of 0', 'midnight in UTC begins a new day, whatever the time zone of the session');
set local timezone = 'Asia/Tokyo';
select trading.set_clock('2026-03-02 23:59:59.999+00');
select is(pg_temp.today('beta'), '-10.17991 of ' || (select trim_scale(sum(realized)) from trading.daily_results), 'a millisecond before it is the old one');
select trading.set_clock('2026-03-02 12:30:00+00');
select tests.stop_out('three', 'beta');
select is_empty('select * from pg_temp.wrong_days', 'fills are booked to the UTC day of their execution');

select * from finish();
rollback;
