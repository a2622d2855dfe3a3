begin;
select plan(36);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
update trading.account_checks set started_at = started_at - interval '1 hour';

-- An entry whose answer is lost -----------------------------------------------------------------------------------------
select tests.decide('one', 'alpha', '{"stopLoss": 95}');
select tests.next_call();
select tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
select is((tests.order_of('one', 'entry')).state, 'unknown', 'an entry without an answer is unknown');
select is((select amount::numeric from trading.reservations where released_at is null), 100::numeric, 'and holds its cash');

-- Asks for some time and returns what was asked; what it is told is p_said, else "not found" and nothing.
create function pg_temp.ask(p_for interval, p_said jsonb default '{}', p_every interval default '10 seconds') returns text[] language plpgsql as $$
declare
  v_call jsonb;
  v_done text[] := '{}';
  v_until timestamptz := trading.engine_now() + p_for;
begin
  while trading.engine_now() < v_until loop
    perform trading.set_clock(trading.engine_now() + p_every);
    update trading.exchange_clocks set measured_at = trading.engine_now();
    perform trading.queue_due_syncs(trading.engine_now());
    v_call := tests.next_call();
    while v_call is not null loop
      v_done := v_done || (v_call ->> 'action');
      perform tests.answer(coalesce(p_said -> case when v_call ->> 'action' = 'lookup' and v_call -> 'request' ? 'exchange_order_id' then 'whose' else v_call ->> 'action' end, case v_call ->> 'action'
        when 'fills' then '{"outcome": "accepted", "fills": []}'
        when 'balances' then '{"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "10000", "locked": "0"}]}'
        else '{"outcome": "rejected", "reason": "order_not_found", "code": -2013}' end::jsonb));
      v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
    end loop;
  end loop;
  return (select array_agg(distinct d order by d) from unnest(v_done) d);
end
$$;
select is(trading.absence_proof(tests.order_of('one', 'entry'), trading.engine_now())::text, '(,f,)', 'within its window nothing is asked, and nothing is proven');

-- Each piece by itself ---------------------------------------------------------------------------------------------------
savepoint whole;
select is(pg_temp.ask('3 minutes'), '{balances,cancel,fills,lookup}', 'the exchange is asked to cancel it, for it, for trades and balances');
select is((tests.order_of('one', 'entry')).state, 'not_placed', 'all together prove that it was never there');
select is((select count(*) from trading.reservations where released_at is null), 0::bigint, 'its cash is free');
select is((tests.position_of('one')).failure_code, 'entry_not_placed', 'its position never was');
select ok((tests.order_of('one', 'entry')).finished_at > (tests.order_of('one', 'entry')).send_by + interval '60 seconds', 'not before the quiet time was over');
rollback to whole;

savepoint piece;
select pg_temp.ask('3 minutes', '{"cancel": {"outcome": "unknown", "reason": "no_answer"}}');
select is((tests.order_of('one', 'entry')).state, 'unknown', 'without the matching engine''s word it is not proven');
rollback to piece;
select pg_temp.ask('3 minutes', '{"lookup": {"outcome": "unknown", "reason": "no_answer"}}');
select is((tests.order_of('one', 'entry')).state, 'unknown', 'nor without three looks');
rollback to piece;
select pg_temp.ask('3 minutes', '{"fills": {"outcome": "unknown", "reason": "no_answer"}}');
select is((tests.order_of('one', 'entry')).state, 'unknown', 'nor without the list of trades');
rollback to piece;
select pg_temp.ask('3 minutes', '{"balances": {"outcome": "unknown", "reason": "no_answer"}}');
select is((tests.order_of('one', 'entry')).state, 'unknown', 'nor without the balances');
rollback to piece;
select pg_temp.ask('50 seconds');
select is((tests.order_of('one', 'entry')).state, 'unknown', 'nor before the quiet time is over');
rollback to piece;

-- What speaks against it ---------------------------------------------------------------------------------------------------
select pg_temp.ask('3 minutes', jsonb_build_object('fills', jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(
  '{"trade_id": "5", "exchange_order_id": "55", "price": "100", "quantity": "1", "value": "100", "fee": "0", "fee_asset": "USDT", "side": "BUY"}'
    || jsonb_build_object('executed_at', trading.engine_now())))));
select is((tests.order_of('one', 'entry')).state, 'unknown', 'a trade that may be its own speaks against it');
rollback to piece;
-- Its owner trades by hand at the same time: the exchange says whose order each trade was of.
create temp table hand as select jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(
  '{"trade_id": "5", "exchange_order_id": "55", "price": "100", "quantity": "1", "value": "100", "fee": "0", "fee_asset": "USDT", "side": "BUY"}'
    || jsonb_build_object('executed_at', trading.engine_now()),
  '{"trade_id": "6", "exchange_order_id": "56", "price": "99", "quantity": "0.5", "value": "49.5", "fee": "0", "fee_asset": "USDT", "side": "BUY"}'
    || jsonb_build_object('executed_at', trading.engine_now()))) as fills;
savepoint by_hand;
select pg_temp.ask('5 minutes', p_every => '30 seconds', p_said => jsonb_build_object('fills', fills, 'whose', '{"outcome": "accepted", "order": {"client_order_id": "web_1", "exchange_order_id": "55"}}'::jsonb)) from hand;
select is((tests.order_of('one', 'entry')).state, 'not_placed', 'trades of orders that are the owner''s do not');
select is((select array_agg(distinct c.request ->> 'exchange_order_id' order by c.request ->> 'exchange_order_id') from trading.exchange_calls c where c.action = 'lookup' and c.request ? 'exchange_order_id'),
  '{55,56}'::text[], 'each order was asked for');
rollback to by_hand;
select pg_temp.ask('5 minutes', p_every => '30 seconds', p_said => jsonb_build_object('fills', fills, 'whose', '{"outcome": "rejected", "reason": "order_not_found", "code": -2013}'::jsonb)) from hand;
select is((tests.order_of('one', 'entry')).state, 'unknown', 'an order that is not shown yet goes on speaking against it');
rollback to by_hand;
select pg_temp.ask('5 minutes', p_every => '30 seconds', p_said => jsonb_build_object('fills', fills, 'submit', '{"outcome": "unknown", "reason": "no_answer"}'::jsonb, 'whose', jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
  jsonb_build_object('client_order_id', (tests.order_of('one', 'entry')).client_order_id, 'quantity', '1'), 'filled', 1) || '{"exchange_order_id": "55"}'))) from hand;
select is((select o.state || ' ' || p.quantity::numeric from tests.order_of('one', 'entry') o, tests.position_of('one') p), 'filled 1', 'and one that is its own is booked');
rollback to piece;
select pg_temp.ask('3 minutes', jsonb_build_object('fills', jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(
  '{"trade_id": "5", "exchange_order_id": "55", "price": "100.01", "quantity": "1", "value": "100", "fee": "0", "fee_asset": "USDT", "side": "BUY"}'
    || jsonb_build_object('executed_at', trading.engine_now())))));
select is((tests.order_of('one', 'entry')).state, 'not_placed', 'one beyond its limit is somebody else''s');
rollback to piece;
select pg_temp.ask('3 minutes', jsonb_build_object('fills', jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(
  '{"trade_id": "5", "exchange_order_id": "55", "price": "100", "quantity": "1.001", "value": "100", "fee": "0", "fee_asset": "USDT", "side": "BUY"}'
    || jsonb_build_object('executed_at', trading.engine_now())))));
select is((tests.order_of('one', 'entry')).state, 'not_placed', 'so is one of more than it wanted');
rollback to piece;
select pg_temp.ask('30 minutes', p_every => '1 minute', p_said =>
  '{"balances": {"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "9900", "locked": "0"}, {"asset": "SOL", "free": "1", "locked": "0"}]}}');
select is((tests.order_of('one', 'entry')).state, 'unknown', 'so do coins that no book explains');
select is((select count(*) from trading.outside_holdings), 0::bigint, 'which are nobody''s while it is unknown');
select pg_temp.ask('1 minute');
select is((tests.order_of('one', 'entry')).state, 'not_placed', 'until they are gone: they were a reader''s error');
rollback to piece;
select pg_temp.ask('62 minutes', p_every => '1 minute', p_said =>
  '{"balances": {"outcome": "accepted", "account": {"uid": "uid-ann", "can_trade": true}, "balances": [{"asset": "USDT", "free": "9900", "locked": "0"}, {"asset": "SOL", "free": "1", "locked": "0"}]}}');
select is((tests.order_of('one', 'entry')).state, 'not_placed', 'or an hour has shown no trade: they are the owner''s');
rollback to piece;

delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}', '[]', jsonb_build_object('SOLUSDT', jsonb_build_array(
  '{"trade_id": "5", "exchange_order_id": "55", "price": "100", "quantity": "1", "value": "100", "fee": "0", "fee_asset": "USDT", "side": "BUY"}'
    || jsonb_build_object('executed_at', trading.engine_now())))) from generate_series(1, 3);
select is((select unsettled_assets from trading.account_checks order by id desc limit 1), '{BNB,SOL,USDT}', 'while it is unknown its assets are not compared, nor what its fee may be taken in');
select is((select count(*) from trading.outside_holdings) + (select count(*) from trading.outside_moves where kind <> 'cash' or quantity < 0), 0::bigint,
  'so what it may have bought is not taken for the owner''s');
rollback to piece;

-- Found -------------------------------------------------------------------------------------------------------------------
select pg_temp.ask('15 seconds', jsonb_build_object('lookup', jsonb_build_object('outcome', 'accepted', 'order',
    tests.venue_report(jsonb_build_object('client_order_id', (tests.order_of('one', 'entry')).client_order_id, 'quantity', '1'), 'filled', 1)),
  'fills', jsonb_build_object('outcome', 'accepted', 'fills', jsonb_build_array(
    '{"trade_id": "5", "price": "100", "quantity": "1", "value": "100", "fee": "0", "fee_asset": "USDT", "side": "BUY"}'
      || jsonb_build_object('executed_at', trading.engine_now(), 'exchange_order_id', 'x' || right((tests.order_of('one', 'entry')).client_order_id, 6)))),
  'submit', jsonb_build_object('outcome', 'unknown', 'reason', 'no_answer')));
select is((tests.order_of('one', 'entry')).state, 'filled', 'one that is found takes what it bought into the books');
select is((tests.position_of('one')).quantity::numeric, 1::numeric, 'as a position');
rollback to piece;

-- For more than five minutes -----------------------------------------------------------------------------------------------
select trading.watch_unproven((select permitted_at from tests.order_of('one', 'entry')) + interval '299 seconds');
select ok(not tests.has_alert('order_unproven'), 'five minutes it may be unknown');
select trading.watch_unproven((select permitted_at from tests.order_of('one', 'entry')) + interval '301 seconds');
select trading.watch_unproven((select permitted_at from tests.order_of('one', 'entry')) + interval '303 seconds');
select is((select severity || ' ' || occurrences from public.alerts where code = 'order_unproven'), 'critical 1', 'then there is one critical alert');
select pg_temp.ask('3 minutes');
select trading.watch_unproven(trading.engine_now());
select is((tests.order_of('one', 'entry')).state, 'not_placed', 'when it is known');
select ok(not tests.has_alert('order_unproven'), 'the alert is resolved');

-- The proof was wrong -------------------------------------------------------------------------------------------------------
create temp table late as select o.* from tests.order_of('one', 'entry') o;
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}', '[]', (select jsonb_build_object('SOLUSDT', jsonb_build_array(
  '{"trade_id": "5", "exchange_order_id": "55", "price": "100", "quantity": "1", "value": "100", "fee": "0", "fee_asset": "USDT", "side": "BUY"}'
    || jsonb_build_object('executed_at', permitted_at))) from late),
  (select jsonb_build_object('outcome', 'accepted', 'order', jsonb_build_object('client_order_id', client_order_id, 'exchange_order_id', '55', 'status', 'filled',
    'quantity', '1', 'executed_quantity', '1')) from late));
select is((tests.order_of('one', 'entry')).state, 'filled', 'a trade that no order explains has such an order asked about again, and it was filled after all');
select is((select p.status || ' ' || p.quantity::numeric from public.positions p where p.id = (select position_id from late)), 'open 1', 'its position is open, with its coins');
select ok(tests.has_alert('position_reopened'), 'with a critical alert');
select is((select count(*) from trading.outside_moves where kind <> 'cash'), 0::bigint, 'nothing of it was taken for the owner''s');

select * from finish();
rollback;
