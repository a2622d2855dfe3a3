begin;
select plan(28);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
create temp table t as select tests.go_live('ann') as account;
select tests.buy_live('old', 'alpha');
select tests.rest_guard();
select tests.tick(99.99, 100);
select tests.buy_live('new', 'beta', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select is(tests.compare((select account from t), '{"USDT": 9800, "SOL": 2}'), '[]'::jsonb, 'two positions, as the books have them');

-- The owner ends the stops and takes 1.4 away. -----------------------------------------------------------------------
select tests.end_by_hand();
select is(tests.compare((select account from t), '{"USDT": 9800, "SOL": 0.6}') -> 0, '{"kind": "coins_missing", "asset": "SOL", "expected": "2", "found": "0.6"}'::jsonb,
  'missing coins are seen');
select is((select count(*) from trading.quarantines), 0::bigint, 'once is not enough: a reader at the exchange may lag');
update trading.account_checks set started_at = started_at + interval '2 seconds' where id = (select max(id) from trading.account_checks);
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 0.6}');
select is((select count(*) from trading.quarantines), 0::bigint, 'neither is twice within five seconds');
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 0.6}');
select is((select jsonb_object_agg(s.decision_symbol, q.missing) from (select q.position_id, q.missing_quantity::numeric as missing from trading.quarantines q where q.ended_at is null) q
    join (select (tests.position_of(n)).id, n as decision_symbol from unnest('{old,new}'::text[]) n) s on s.id = q.position_id),
  '{"new": 1, "old": 0.4}', 'the newest position is set aside first, then the one before it, as far as coins are missing');
select ok(tests.has_alert('coins_missing', (tests.position_of('new')).id::text) and tests.has_alert('coins_missing', (tests.position_of('old')).id::text), 'with a critical alert each');
select is((select count(*) from public.audit_log where action = 'quarantine_began'), 2::bigint, 'and an audit row');
select is((select count(*) from trading.engine_stops), 2::bigint, 'the engine''s stops stay armed');

-- What the engine still does: the stop, for what is there.
create temp table guard as select tests.next_call() as call;
select is((select call #>> '{request,quantity}' from guard), '0.6', 'a stop for what is there of the old one');
select is((select call ->> 'action' from guard), 'submit_pair', 'with its target');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'orders', (
  select jsonb_agg(tests.venue_report(call #> array['request', leg], 'working', 0, jsonb_build_object('list_id', call #>> '{request,list_client_order_id}')))
  from guard, unnest('{stop,target}'::text[]) leg)));
select is(tests.next_call() ->> 'action', null, 'and none for the new one, which has nothing left: it would sell what its owner has besides');
select ok(trading.is_quarantined((select account from t), 'SOLUSDT'), 'no entry in the symbol');
delete from trading.jobs where status = 'queued';
select trading.enqueue_job('exit', 'ai', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "ai"}') from tests.position_of('old') p;
select is(tests.next_call(), null, 'the AI cannot sell it');
select is((select outcome ->> 'code' from trading.jobs where key = 'ai'), 'position_quarantined', 'because it is set aside');
select trading.enqueue_job('exit', 'stop', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "stop_loss"}') from tests.position_of('new') p;
select is(tests.next_call(), null, 'the stop of what is wholly gone has nothing to sell');
select is((select outcome ->> 'code' from trading.jobs where key = 'stop'), 'coins_missing', 'and says so');

-- Coins come back.
select is(tests.compare((select account from t), '{"USDT": 9800, "SOL": 2}'), '[]'::jsonb, 'coins that come back are seen');
select is((select sum(missing_quantity::numeric) from trading.quarantines), 0::numeric, 'nothing is missing any more');
select is((select count(*) from trading.quarantines where ended_at is null), 2::bigint, 'but it is for a person to end it');

select is(tests.obey(), '{submit,check_order,cancel,submit_pair,lookup}', 'and their stops guard all of it again');

-- Dust ----------------------------------------------------------------------------------------------------------------
insert into trading.dust_pools values ((select account from t), 'SOL', 0.004, 0.4);
insert into trading.ledger_entries (transaction_id, account_id, asset, bucket, amount, cause_type, cause_id, occurred_at)
select md5('dust')::uuid, account, 'SOL', b, a, 'tests', md5('dust')::uuid, trading.engine_now() from t, (values ('market', -0.004), ('dust', 0.004)) e (b, a);
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 2.001}') from generate_series(1, 2);
select is((select (d.quantity::numeric, d.cost::numeric)::text from trading.dust_pools d), '(0.001,0.1)', 'dust that is gone is written down with its share of the cost');
select is((select sum(missing_quantity::numeric) from trading.quarantines), 0::numeric, 'no position is short for it');
select ok(tests.has_alert('dust_missing'), 'its owner is told');
select is((select sum(e.amount) from trading.ledger_entries e where e.asset = 'SOL'), 0::numeric, 'the ledger stays balanced');
select is(tests.compare((select account from t), '{"USDT": 9800, "SOL": 2.001}'), '[]'::jsonb, 'and the books agree');

-- The owner's coins are taken before managed ones are missed.
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 5.001}') from generate_series(1, 2);
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 2.001}') from generate_series(1, 2);
select is((select sum(missing_quantity::numeric) from trading.quarantines), 0::numeric, 'coins beyond what is managed come and go');
select is((select array_agg(m.quantity::numeric order by m.id) from trading.outside_moves m where m.asset = 'SOL'), '{3,-3}'::numeric[], 'and are written down');
select is((trading.check_books() ->> 'balances_vs_ledger')::int, 0, 'the books are right all the time');

select * from finish();
rollback;
