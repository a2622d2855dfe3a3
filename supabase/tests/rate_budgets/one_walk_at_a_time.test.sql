-- A comparison's walk through executions takes more requests than it draws: those of two accounts are not made at once.
begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha', 'ann');
select tests.hire('beta', 'ben');
create temp table t as select tests.go_live('ann') as ann, tests.go_live('ben') as ben;
select tests.buy_live('one', 'alpha'), tests.rest_guard();
select tests.buy_live('two', 'beta'), tests.rest_guard();
delete from trading.jobs where status = 'queued';
select trading.set_clock(trading.engine_now() + interval '1 minute');
update trading.exchange_clocks set measured_at = trading.engine_now();
-- A comparison up to its walk; what that is answered.
create function pg_temp.compare(p_account uuid, p_uid text, p_coins int default 1) returns jsonb language plpgsql as $$
declare
  v_call jsonb;
begin
  if p_account is not null then
    perform trading.queue_account_check(p_account, 'by hand', trading.engine_now());
  end if;
  v_call := tests.next_call();
  while v_call ->> 'action' in ('balances', 'open_orders') loop
    perform tests.answer(case v_call ->> 'action' when 'balances' then jsonb_build_object('outcome', 'accepted',
      'account', jsonb_build_object('uid', p_uid, 'can_trade', true), 'balances', jsonb_build_array('{"asset": "USDT", "free": "9900", "locked": "0"}'::jsonb, jsonb_build_object('asset', 'SOL', 'free', p_coins, 'locked', 0)))
      else jsonb_build_object('outcome', 'accepted', 'orders', tests.listed(p_account)) end);
    v_call := (select w.answer -> 'call' from tests.live_work w);
  end loop;
  return (select coalesce(w.answer -> 'call', w.answer) from tests.live_work w);
end
$$;
select is(pg_temp.compare(ann, 'uid-ann') ->> 'action', 'fills', 'one account''s executions are walked through') from t;
create temp table walk as select * from tests.live_work;
create temp table held as select trim_scale(b.tokens) as tokens from trading.rate_budgets b where b.rule = 'request_weight';
select is(pg_temp.compare(ben, 'uid-ben') ->> 'code', 'FB429', 'meanwhile another one waits') from t;
select is((select due_at - trading.engine_now() from trading.jobs where kind = 'sync' and status = 'queued'), interval '0.5 seconds', 'half a second');
select is((select h.tokens - trim_scale(b.tokens) from trading.rate_budgets b, held h where b.rule = 'request_weight'), 20 + 80::numeric, 'and draws nothing for its walk');

truncate tests.live_work;
insert into tests.live_work select * from walk;
select trading.set_clock(trading.engine_now() + interval '1 second');
update trading.exchange_clocks set measured_at = trading.engine_now();
select tests.answer('{"outcome": "accepted", "fills": [], "requests": 30}');
select cmp_ok((select b.tokens from trading.rate_budgets b where b.rule = 'request_weight'), '>', 0::numeric, 'thirty requests leave something for exits');
update trading.rate_budgets set tokens = 900 where rule = 'request_weight';
select is(pg_temp.compare(null, null) ->> 'action', 'fills', 'then the other one walks, where it stood');

-- Its worker dies.
select trading.set_clock(trading.engine_now() + interval '21 seconds');
update trading.exchange_clocks set measured_at = trading.engine_now();
update trading.rate_budgets set tokens = 900 where rule = 'request_weight';
select is(pg_temp.compare(ann, 'uid-ann', 2) ->> 'action', 'fills', 'a walk that nobody is at any more keeps nobody waiting') from t;

select * from finish();
rollback;
