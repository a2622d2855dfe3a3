begin;
select plan(6);
select tests.open_desk('{"market_poll_symbols": 80}');
select tests.list_symbol('A' || n || 'USDT') from generate_series(1, 80) n;
select tests.hire('alpha');
select tests.decide('waiting ' || n, 'alpha', p_decision => 'wait', p_symbol => 'A' || n || 'USDT') from generate_series(1, 80) n;

create temporary table polls as
select n, jsonb_array_length(trading.poll_plan(trading.engine_now() + n * interval '2 seconds')) as symbols from generate_series(0, 29) n;
select is((select max(symbols) from polls where n > 0), 17, 'a poll every 2 s asks for 17 symbols at most');
select cmp_ok((select sum(4 + 2 * symbols) from polls), '<=', 1200::bigint, 'and a minute of polls weighs what the other budgets leave for prices');
select is((select count(*) from trading.market_polls where asked_at > trading.engine_now() + interval '48 seconds'), 80::bigint,
  'as many symbols as the settings allow are asked for within the age that an entry''s price may have');
select cmp_ok((select sum(r.burst + 60 * r.per_second) from trading.rate_rules r where r.name in ('request_weight', 'prices')), '<=', 0.9 * 6000,
  'together nine tenths of what the exchange allows');

select trading.heed_market_limit(null, false, trading.engine_now() + interval '60 seconds');
select is((select array_agg(b.rule || ' ' || extract(epoch from b.blocked_until - trading.engine_now())::int) from trading.rate_budgets b
           where b.blocked_until is not null), '{"prices 61"}', 'where orders go through a proxy, a refused poll stops polls alone, for a second at least');
select trading.block_bucket('request_weight', trading.exchange_scope_id('production'), trading.engine_now() + interval '200 seconds',
  trading.engine_now(), '{}');
select is(trading.poll_plan(trading.engine_now() + interval '199 seconds'), null, 'a refusal that the engine met silences polls too');

select * from finish();
rollback;
