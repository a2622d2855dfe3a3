begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
create function pg_temp.today(p_at timestamptz) returns numeric language sql as $$
  select trim_scale(t.total) from trading.realized_today(trading.portfolio_id(tests.user_id('ann'), 'paper'), null, p_at) t
$$;
create function pg_temp.book(p_day date, p_amount numeric) returns void language sql as $$
  select trading.book_result(trading.paper_account_id(tests.trader_id('alpha'), tests.user_id('ann')), tests.trader_id('alpha'), p_amount, p_day + time '12:00' at time zone 'UTC')
$$;
select tests.enter('one', 'alpha');

select pg_temp.book('2026-03-02', 100);
select pg_temp.book('2026-03-03', -30);
select is(pg_temp.today('2026-03-03 13:00+00'), -30::numeric, 'a new day does not know the gains of the one before');
select is(pg_temp.today('2026-03-02 13:00+00'), -30::numeric, 'a clock set back does not take the roll-over back: the gain of yesterday covers nothing');
select is(pg_temp.today('2026-03-01 13:00+00'), -30::numeric, 'not even two days back');
select pg_temp.book('2026-03-02', -200);
select is(pg_temp.today('2026-03-02 13:00+00'), -130::numeric, 'nor are the losses of a day forgotten because the clock was ahead for a while');
select is(pg_temp.today('2026-03-03 13:00+00'), -30::numeric, 'on the later day they are yesterday''s');
select is(pg_temp.today('2026-03-04 00:00+00'), 0::numeric, 'and the next day begins at zero');

select * from finish();
rollback;
