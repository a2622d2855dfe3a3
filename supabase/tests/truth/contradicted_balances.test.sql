begin;
select plan(21);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
create temp table t as select tests.go_live('ann') as account;
create function pg_temp.quarantined() returns bigint language sql as $$ select count(*) from trading.quarantines where ended_at is null $$;
create function pg_temp.kinds(p_differences jsonb) returns text language sql as $$ select string_agg(d ->> 'kind', ',') from jsonb_array_elements(p_differences) d $$;
select tests.buy_live('one', 'alpha');
select tests.rest_guard();
delete from trading.jobs where status = 'queued';

create temp table agreed as select trading.last_agreement(account, 'BNB') as at from t;
-- A valid answer without a single balance, while stop and target are listed as open in the same walk ---------------------------
select is(tests.compare((select account from t), '{}'), '[{"kind": "balances_contradicted", "asset": "SOL", "expected": "1", "found": "0"}]'::jsonb,
  'balances that lack what an open stop has locked are no balances; the legs of a list lock it once');
select ok(not tests.has_alert('balances_contradicted'), 'one answer may be behind');
select is((select count(*) from trading.jobs where status = 'queued' and payload ->> 'cause' = 'confirm'), 1::bigint, 'so they are asked for again');
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{}');
select is((select severity from public.alerts where code = 'balances_contradicted' and resolved_at is null), 'critical', 'said twice it is told');
select tests.compare((select account from t), '{}') from generate_series(1, 12);
select is(trading.last_agreement((select account from t), 'BNB'), (select at from agreed), 'balances that are not believed agree in no other asset either');
select is(pg_temp.quarantined(), 0::bigint, 'however often it is said nothing is missed');
select is(trading.managed_quantity((select account from t), 'USDT'), 9900::numeric, 'and cash is not booked away');
select is((select array_agg(o.state order by o.role) from public.orders o where o.side = 'SELL'), '{working,working}', 'what rests rests');
select is(tests.answer_to('ann', format('select public.write_off(%L, 1, %L)::text', (select id from tests.position_of('one')), 'gone')), 'FB409 nothing_missing', 'nothing can be written off by it');
select is((select min(j.due_at) - trading.engine_now() from trading.jobs j where j.payload ->> 'cause' = 'confirm' and j.status = 'queued') > interval '50 seconds', true,
  'what is known is looked at every minute, for each look costs the whole book');
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9000, "SOL": 0.5}');
select trading.rebook_cash(account, trading.engine_now()) from t;
select is(trading.managed_quantity((select account from t), 'USDT'), 9900::numeric, 'nor does a sale by hand that is adopted book their cash');
delete from trading.jobs where status = 'queued';
select is(tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}'), '[]'::jsonb, 'the right answer');
select ok(not tests.has_alert('balances_contradicted'), 'ends the alert');

-- A little less is as impossible as nothing. --------------------------------------------------------------------------------------
select is(pg_temp.kinds(tests.compare((select account from t), '{"USDT": 9900, "SOL": 0.99}')), 'balances_contradicted', 'a part of what is locked cannot be gone either');
select is(pg_temp.kinds(tests.compare((select account from t), '{"USDT": 1, "SOL": 0.99}')), 'balances_contradicted', 'and nothing else of the same answer is believed');

-- Coins that are not locked can be gone: the second position's stop was ended by hand. -----------------------------------------------
select tests.tick(99.99, 100);
select tests.buy_live('two', 'beta', 1, '{"stopLoss": 95}');
select tests.rest_guard();
select trading.fold_venue_report((tests.order_of('two', 'stop_loss')).id, '{"status": "cancelled", "executed_quantity": "0"}', trading.engine_now());
delete from trading.jobs where status = 'queued';
select is(pg_temp.kinds(tests.compare((select account from t), '{"USDT": 9800, "SOL": 1}')), 'coins_missing', 'what no open sell has locked can be missed');
delete from trading.jobs where status = 'queued';
select tests.compare((select account from t), '{"USDT": 9800, "SOL": 1}');
select is((select (q.position_id, q.missing_quantity::numeric)::text from trading.quarantines q where q.ended_at is null), format('(%s,1)', (tests.position_of('two')).id),
  'and falls on the position that has no stop there');
delete from trading.jobs where status = 'queued';
select is(pg_temp.kinds(tests.compare((select account from t), '{"USDT": 9800, "SOL": 0.5}')), 'balances_contradicted', 'never on the other one');

-- A release needs balances that can be believed. ------------------------------------------------------------------------------------
select is(tests.answer_to('ann', format('select public.release(%L)::text', (select id from tests.position_of('two')))), 'FB409 books_differ', 'nobody releases by such an answer');
select is((select o.state from tests.order_of('one', 'stop_loss') o), 'working', 'the stop rests all the time');
select is((trading.check_books() ->> 'balances_vs_ledger')::int, 0, 'the books are right');

select * from finish();
rollback;
