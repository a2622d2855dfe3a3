begin;
select plan(16);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select tests.answer('{"outcome": "unknown", "reason": "no_answer"}');

-- Calls about the entry as they would be on record, and what its proof lacks after each; seconds count from its window's end.
create function pg_temp.said(p_action text, p_after int, p_answer jsonb default '{"outcome": "rejected", "reason": "order_not_found"}', p_request jsonb default '{"client_order_id": "x"}')
returns void language sql as $$
  insert into trading.exchange_calls (account_id, environment, job_id, job_attempt, order_id, action, symbol, request, weight, timestamp_ms, recv_window_ms,
    permitted_at, send_by, outcome, reason, answer, answered_at)
  select o.account_id, 'simulator', 0, 1, o.id, p_action, o.symbol, p_request, 1, 0, 1000, o.send_by + make_interval(secs => p_after),
    o.send_by + make_interval(secs => p_after + 1), p_answer ->> 'outcome', p_answer ->> 'reason', p_answer, o.send_by + make_interval(secs => p_after)
  from tests.order_of('one', 'entry') o
$$;
create function pg_temp.lacks(p_after int) returns text language sql as $$
  select case when p.is_proven then 'nothing' else p.next_call end
  from tests.order_of('one', 'entry') o, trading.absence_proof(o, o.send_by + make_interval(secs => p_after)) p
$$;
select is(pg_temp.lacks(0), null, 'in its window only time is lacking');
select is(pg_temp.lacks(1), 'cancel', 'after it the matching engine''s word');
select pg_temp.said('cancel', 0);
select is(pg_temp.lacks(1), 'cancel', 'one of before says nothing');
select pg_temp.said('cancel', 1);
select is(pg_temp.lacks(60), 'lookup', 'then, after the quiet time, three looks');
select is(pg_temp.lacks(59), null, 'and not before');
select pg_temp.said('lookup', 10);
select pg_temp.said('lookup', s) from generate_series(11, 12) s;
select is(pg_temp.lacks(60), 'lookup', 'one within the time in which the engine answers does not count');
select pg_temp.said('lookup', 61, p_request => '{"exchange_order_id": "55"}');
select is(pg_temp.lacks(61), 'lookup', 'nor does one for somebody else''s order');
select pg_temp.said('lookup', 61);
select is(pg_temp.lacks(61), 'fills', 'three do, and the list of trades is next');
select pg_temp.said('balances', 61, '{"outcome": "accepted", "balances": [{"asset": "USDT", "free": "10000", "locked": "0"}]}');
select pg_temp.said('fills', 59, '{"outcome": "accepted", "fills": []}', '{"since_ms": 1}');
select is(pg_temp.lacks(61), 'fills', 'one of before the quiet time was over says nothing');
select pg_temp.said('fills', 62, '{"outcome": "accepted", "fills": []}', '{"since_ms": 1}');
select is(pg_temp.lacks(62), 'balances', 'balances of before the trades neither');
select pg_temp.said('balances', 63, '{"outcome": "accepted", "balances": [{"asset": "USDT", "free": "10000", "locked": "0"}]}');
select is(pg_temp.lacks(63), 'nothing', 'those after them complete it');

-- Trades that could be its own -------------------------------------------------------------------------------------------
create function pg_temp.suspect(p_more jsonb) returns text language sql as $$
  select trading.suspect_of(o, jsonb_build_array('{"exchange_order_id": "55", "price": "100", "quantity": "0.6", "side": "BUY"}'::jsonb || jsonb_build_object('executed_at', o.permitted_at) || p_more,
    '{"exchange_order_id": "55", "price": "100", "quantity": "0.4", "side": "BUY"}'::jsonb || jsonb_build_object('executed_at', o.permitted_at) || p_more))
  from tests.order_of('one', 'entry') o
$$;
select is(pg_temp.suspect('{}'), '55', 'executions of an order of its quantity');
select is(pg_temp.suspect('{"side": "SELL"}'), null, 'not of the other side');
select is(pg_temp.suspect('{"price": "100.01"}'), null, 'not beyond its limit');
select is(pg_temp.suspect('{"quantity": "0.6"}'), null, 'not of more than it wanted');
select pg_temp.said('lookup', 64, '{"outcome": "accepted", "order": {"client_order_id": "web_1"}}', '{"exchange_order_id": "55"}');
select is(pg_temp.suspect('{}'), null, 'not of one that the exchange has shown to be another');

select * from finish();
rollback;
