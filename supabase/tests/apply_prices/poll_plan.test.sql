begin;
select plan(14);
select tests.open_desk('{"market_poll_symbols": 3}');
select tests.list_symbol(s) from unnest('{ADAUSDT,BNBUSDT,DOTUSDT,XRPUSDT}'::text[]) s;
select tests.list_symbol('DOTUSDT', '{"status": "HALT"}');
select tests.hire('alpha');
select tests.enter('held', 'alpha');
select tests.decide('waiting ' || s, 'alpha', p_decision => 'wait', p_symbol => s || 'USDT') from unnest('{ADA,BNB,DOT,XRP,NOSUCH}'::text[]) s;
create function pg_temp.planned(p_after interval default '0') returns text[] language sql as $$
  select array_agg(e ->> 'symbol') from jsonb_array_elements(trading.poll_plan(trading.engine_now() + p_after)) e
$$;
create function pg_temp.tokens() returns numeric language sql as $$
  select trim_scale(b.tokens) from trading.rate_budgets b where b.rule = 'prices'
$$;

select is(pg_temp.planned(), array['SOLUSDT', 'ADAUSDT', 'BNBUSDT'],
  'a poll asks for what is held, then for what is waited for, as many as the settings allow');
select is(pg_temp.tokens(), 60 - 4 - 3 * 2::numeric, 'and draws what that weighs at the exchange');
select is(trading.poll_plan(trading.engine_now() + interval '2 seconds') -> 0 ->> 'since', '2026-03-02T12:00:01+00:00', 'since the price we have');
select tests.settings('{"market_poll_symbols": 10}');
select ok(not trading.poll_plan() @> '[{"symbol": "DOTUSDT"}]' and not trading.poll_plan() @> '[{"symbol": "NOSUCHUSDT"}]',
  'never for what does not trade');
select tests.settings('{"market_poll_symbols": 0}');
select is(trading.poll_plan(), '[]'::jsonb, 'and for nothing where prices come from elsewhere');

-- More symbols than fit -------------------------------------------------------------------------------------------------
select tests.settings('{"market_poll_symbols": 10}');
update trading.rate_budgets set tokens = 0, refilled_at = trading.engine_now() where rule = 'prices';
select is(pg_temp.planned(), null, 'who has drawn all asks for nothing');
update trading.rate_rules set burst = 8, per_second = 4 where name = 'prices';
delete from trading.market_polls;
select is(array[pg_temp.planned('2 seconds'), pg_temp.planned('4 seconds')], '{{SOLUSDT,ADAUSDT},{BNBUSDT,XRPUSDT}}',
  'a poll takes what the bucket holds: the held one first, and those that were never asked for');
select is(array[pg_temp.planned('6 seconds'), pg_temp.planned('8 seconds')], '{{SOLUSDT,ADAUSDT},{SOLUSDT,BNBUSDT}}',
  'then the held one at each poll, and of those that wait another each time');
select is(pg_temp.planned('8 seconds'), null, 'a second bell at the same moment asks for nothing more');
update trading.rate_rules set burst = 6, per_second = 3 where name = 'prices';
select is(array[pg_temp.planned('10 seconds'), pg_temp.planned('12 seconds'), pg_temp.planned('14 seconds'), pg_temp.planned('16 seconds')],
  '{{SOLUSDT},{XRPUSDT},{SOLUSDT},{ADAUSDT}}', 'where one alone fits, what is held is asked for more often, and nothing is left out');

-- Limits per address ----------------------------------------------------------------------------------------------------
update trading.rate_rules set burst = 60, per_second = 19 where name = 'prices';
select trading.heed_market_limit(600000, true, trading.engine_now());
select is(trading.poll_plan(trading.engine_now() + interval '599 seconds'), null, 'once a poll was refused, no isolate asks before the named time');
select tests.hire('beta', 'bob');
create temporary table t as select tests.go_live('bob') as account_id;
select is((select trading.draw_budget(account_id, 'exit', 1, 0, trading.engine_now()) ->> 'granted' from t), 'true', 'a simulator''s orders are none of that');
update trading.accounts set environment = 'production' where id = (select account_id from t);
select is((select trading.draw_budget(account_id, 'exit', 1, 0, trading.engine_now()) ->> 'wait_ms' from t), '600000', 'but production''s are');
select is(pg_temp.planned('600 seconds'), '{BNBUSDT,SOLUSDT,ADAUSDT,XRPUSDT}', 'at that time it goes on; with an exchange account also for BNB, held');

select * from finish();
rollback;
