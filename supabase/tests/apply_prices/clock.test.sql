begin;
select plan(5);
select tests.open_desk();
select is(trading.engine_now(), '2026-03-02 12:00:01+00'::timestamptz, 'in a replay the engine''s time is the market''s');
select trading.set_clock(null);
select cmp_ok(abs(extract(epoch from trading.engine_now() - clock_timestamp())), '<', 1::numeric, 'without one it is the wall''s');

insert into trading.portfolios (id, user_id, mode, created_at) values (md5('live')::uuid, gen_random_uuid(), 'live', now());
insert into trading.accounts (id, portfolio_id, user_id, environment, exchange_uid, created_at) values (gen_random_uuid(), md5('live')::uuid, gen_random_uuid(), 'demo', '7', now());
select tests.raises($$ select trading.set_clock('2026-03-02 12:00:00+00') $$, 'FB409', 'clock_refused',
  'while an exchange account exists the clock cannot be set');
select is((select clock_at from trading.settings), null, 'and runs by the wall');
select tests.raises($$ select trading.set_clock(null) $$, 'FB409', 'clock_refused', 'nor is it touched at all');

select * from finish();
rollback;
