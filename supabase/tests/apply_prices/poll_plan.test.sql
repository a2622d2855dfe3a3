begin;
select plan(4);
select tests.open_desk('{"market_poll_symbols": 3}');
select tests.list_symbol(s) from unnest('{ADAUSDT,BNBUSDT,DOTUSDT,XRPUSDT}'::text[]) s;
select tests.list_symbol('DOTUSDT', '{"status": "HALT"}');
select tests.hire('alpha');
select tests.enter('held', 'alpha');
select tests.decide('waiting ' || s, 'alpha', p_decision => 'wait', p_symbol => s || 'USDT') from unnest('{ADA,BNB,DOT,XRP,NOSUCH}'::text[]) s;

select is((select array_agg(e ->> 'symbol') from jsonb_array_elements(trading.poll_plan()) e), array['SOLUSDT', 'ADAUSDT', 'BNBUSDT'],
  'a poll asks for what is held, then for what is waited for, as many as the settings allow');
select is(trading.poll_plan() -> 0 ->> 'since', '2026-03-02T12:00:01+00:00', 'since the price we have');
select tests.settings('{"market_poll_symbols": 10}');
select ok(not trading.poll_plan() @> '[{"symbol": "DOTUSDT"}]' and not trading.poll_plan() @> '[{"symbol": "NOSUCHUSDT"}]',
  'never for what does not trade');
select tests.settings('{"market_poll_symbols": 0}');
select is(trading.poll_plan(), '[]'::jsonb, 'and for nothing where prices come from elsewhere');

select * from finish();
rollback;
