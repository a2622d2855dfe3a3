begin;
select plan(6);
select tests.open_desk();
update trading.settings set project_url = 'https://desk.example.test/';
select tests.hire('alpha');
select tests.hire('beta', 'bob');
insert into public.signals (id, trader_id, symbol, decision, levels)
select tests.signal_id('b' || n), tests.trader_id(case when n % 2 = 0 then 'alpha' else 'beta' end), 'SOLUSDT', 'enter_trade', '{"stopLoss": 95}'
from generate_series(1, 50) n;
select tests.decide('c' || n, 'alpha') from generate_series(1, 3) n;

select is((select count(*) from trading.jobs), 53::bigint, 'fifty-three entries are queued, in several statements');
select is((select count(*) from net.http_request_queue), 1::bigint, 'one bell rings for all of the transaction');
select is((select concat_ws(' ', method, url, convert_from(body, 'UTF8'), timeout_milliseconds) from net.http_request_queue),
  'POST https://desk.example.test/functions/v1/execute-trade {} 2000', 'it is an empty request to the function');
select is((select array_agg(lower(k) order by lower(k)) from net.http_request_queue, jsonb_object_keys(headers) k),
  array['content-type', 'x-fillbase-bell'], 'it carries no key, for every role can read the queue');
select ok(trading.is_bell_valid((select headers ->> 'x-fillbase-bell' from net.http_request_queue)), 'but a signature that is good now');
select is(current_setting('trading.bell_rung_in'), pg_current_xact_id()::text, 'the transaction remembers that it has rung');

select * from finish();
rollback;
