begin;
select plan(47);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"sizing_value": 1000}');
select tests.create_user('eve');
select tests.create_user('olga', '{"fillbase_operator": true}');
create temp table t as select tests.go_live('ann') as account;
grant select on t to public;
select tests.buy_live('one', 'alpha', 10, '{"stopLoss": 95, "takeProfit": [120]}');
select tests.obey();
create temp table p as select id from tests.position_of('one');
grant select on p to public;
create function pg_temp.adopt(p_who text, p_quantity text, p_price text default '110', p_request text default 'a', p_at text default '1 second') returns text language sql as $$
  select tests.answer_to(p_who, format('select public.adopt_external_fill(%L, %s, %s, %L, %L)::text', (select id from p), p_price, p_quantity,
    trading.engine_now() - p_at::interval, md5(p_request)::uuid))
$$;
create function pg_temp.write_off(p_who text, p_quantity text, p_request text default 'w', p_reason text default 'stolen') returns text language sql as $$
  select tests.answer_to(p_who, format('select public.write_off(%L, %s, %L, %L)::text', (select id from p), p_quantity, p_reason, md5(p_request)::uuid))
$$;
create function pg_temp.release(p_who text, p_request text default 'r') returns text language sql as $$
  select tests.answer_to(p_who, format('select public.release(%L, p_request_id => %L)::text', (select id from p), md5(p_request)::uuid))
$$;

-- Nothing is wrong yet.
select is(pg_temp.adopt('ann', '1'), 'FB409 nothing_missing', 'what is not missing cannot be adopted');
select is(pg_temp.write_off('ann', '1'), 'FB409 nothing_missing', 'nor written off');
select is(pg_temp.release('ann'), 'FB409 not_quarantined', 'nor released');

-- The owner has sold 4 by hand at 110: 440 USDT came.
select tests.end_by_hand();
select tests.compare((select account from t), '{"USDT": 9440, "SOL": 6}') from generate_series(1, 2);
select is(trading.missing_coins((select id from p)), 4::numeric, 'four coins are missing');
select is(trading.managed_quantity((select account from t), 'USDT'), 9440::numeric, 'what came for them was taken for a deposit');
select tests.obey();

-- Who may, and what ---------------------------------------------------------------------------------------------------
select is(pg_temp.adopt('eve', '4'), 'FB404 position_not_found', 'a stranger sees no position');
select is(pg_temp.write_off('eve', '4'), 'FB404 position_not_found', 'and cannot write it off');
select is(pg_temp.release('eve'), 'FB404 position_not_found', 'nor release it');
select is(pg_temp.adopt('anon', '4'), '42501 permission denied for function adopt_external_fill', 'without a name nothing is adopted');
select is(pg_temp.adopt('ann', '5'), 'FB409 more_than_missing', 'no more than is missing');
select is(pg_temp.adopt('ann', '0'), 'FB400 quantity_invalid', 'a quantity is positive');
select is(pg_temp.adopt('ann', $$'NaN'$$), 'FB400 quantity_invalid', 'and a number');
select is(pg_temp.adopt('ann', 'null'), 'FB400 quantity_invalid', 'and there');
select is(pg_temp.adopt('ann', '4', '-1'), 'FB400 price_invalid', 'so is a price');
select is(pg_temp.adopt('ann', '4', '201'), 'FB400 price_implausible', 'at more than twice the market nobody has sold');
select is(pg_temp.adopt('ann', '4', '49'), 'FB400 price_implausible', 'nor below half of it');
insert into trading.outside_moves (account_id, kind, asset, quantity, symbol, price, exchange_trade_id, noted_at)
select account, 'trade', 'SOL', -4, 'SOLUSDT', 110, 'by hand', trading.engine_now() from t;
select is(pg_temp.adopt('ann', '4', '120'), 'FB400 price_implausible', 'where the exchange has shown the sale, its price counts');
select is(pg_temp.adopt('ann', '4', '110', 'a', '-1 hour'), 'FB400 moment_invalid', 'nobody has sold in the future');
select is(pg_temp.adopt('ann', '4', '110', 'a', '1 day'), 'FB400 moment_invalid', 'nor before the position was there');
select is(pg_temp.write_off('ann', '4', 'w', ' '), 'FB400 reason_invalid', 'a write-off says why');
select is(pg_temp.release('ann'), 'FB409 books_differ', 'while coins are missing it is not released');
select is((select count(*) from trading.requests), 0::bigint, 'what was refused was not heard');

-- Adopt ---------------------------------------------------------------------------------------------------------------
select is(pg_temp.adopt('ann', '3')::jsonb - 'position_id', '{"status": "open", "quantity": "7", "missing": "1", "is_quarantined": true}', 'three of them were sold by hand');
select is((select (realized_pnl::numeric, exit_price::numeric)::text from tests.position_of('one')), '(30,110)', 'their result is the position''s');
select is((select (role, state, reason, is_paper_trade)::text from tests.order_of('one', 'exit')), '(exit,filled,external,f)', 'under an order of its own');
select is(trading.managed_quantity((select account from t), 'USDT'), 9440::numeric, 'the cash does not count twice');
select is(pg_temp.adopt('ann', '3')::jsonb ->> 'quantity', '7', 'the same call again changes nothing');
select is(pg_temp.adopt('ann', '2'), 'FB409 request_conflict', 'the same id for something else is refused');
select is(pg_temp.adopt('olga', '1', '110', 'b')::jsonb - 'position_id', '{"status": "open", "quantity": "6", "missing": "0", "is_quarantined": false}',
  'an operator may; with the last of them the quarantine is over');
select is((select ended_by from trading.quarantines), 'adopt_external_fill user:' || tests.user_id('olga'), 'by name');
select ok(not tests.has_alert('coins_missing'), 'and its alert is resolved');
select is(tests.compare((select account from t), '{"USDT": 9440, "SOL": 6}'), '[]'::jsonb, 'books and exchange agree');

-- Write off -----------------------------------------------------------------------------------------------------------
select tests.obey();
select tests.end_by_hand();
select tests.compare((select account from t), '{"USDT": 9440, "SOL": 4}') from generate_series(1, 2);
select tests.obey();
select is(pg_temp.write_off('ann', '2')::jsonb - 'position_id', '{"status": "open", "quantity": "4", "missing": "0", "is_quarantined": false}', 'two are gone');
select is((select (realized_pnl::numeric, cost::numeric, written_off_quantity::numeric)::text from tests.position_of('one')), '(-160,400,2)', 'their cost is a loss');
select is((select sum(realized::numeric) from trading.daily_results where scope_id = trading.own_scope_id(false, null, (tests.position_of('one')).trader_id)), -160::numeric, 'of this day');
select is((select sum(e.amount) from trading.ledger_entries e where e.cause_type = 'write_off'), 0::numeric, 'the ledger is balanced');
select is((select e.amount::numeric from trading.ledger_entries e where e.cause_type = 'write_off' and e.bucket = 'external'), 2::numeric, 'they are outside now');
select is(pg_temp.write_off('ann', '2')::jsonb ->> 'quantity', '4', 'the same call again changes nothing');
select is(tests.compare((select account from t), '{"USDT": 9440, "SOL": 4}'), '[]'::jsonb, 'books and exchange agree');
select is((select (trading.check_books() - 'jobs_left' - 'audit_gaps')::text), (select (trading.check_books() - 'jobs_left' - 'audit_gaps' ||
  '{"ledger_imbalance": 0, "positions_vs_fills": 0, "balances_vs_ledger": 0, "unprotected_positions": 0}')::text), 'so does everything else');

-- Release -------------------------------------------------------------------------------------------------------------
select tests.obey();
select tests.end_by_hand();
select tests.compare((select account from t), '{"USDT": 9440, "SOL": 1}') from generate_series(1, 2);
select tests.obey();
update trading.engine_targets set fired_at = trading.engine_now();
select tests.compare((select account from t), '{"USDT": 9440, "SOL": 4}');
select tests.obey();
select trading.set_clock(trading.engine_now() + interval '4 minutes');
select is(pg_temp.release('ann'), 'FB409 books_differ', 'a comparison of some minutes ago proves nothing');
select tests.compare((select account from t), '{"USDT": 9440, "SOL": 4}');
select is(pg_temp.release('ann')::jsonb ->> 'released', '1', 'after a fresh one it is released');
select is(pg_temp.release('ann')::jsonb ->> 'released', '0', 'once');
select is((select fired_at from trading.engine_targets), null, 'a target that was reached meanwhile is armed again');
select ok(not trading.is_quarantined((select account from t), 'SOLUSDT'), 'entries go on');

-- All of it -----------------------------------------------------------------------------------------------------------
select tests.end_by_hand();
select tests.compare((select account from t), '{"USDT": 9440}') from generate_series(1, 2);
select tests.obey();
select is(pg_temp.write_off('olga', '4', 'all')::jsonb - 'position_id', '{"status": "closed", "quantity": "0", "missing": "0", "is_quarantined": false}', 'when nothing is left the position is closed');
select is((trading.check_books() - 'jobs_left')::text, '{"audit_gaps": 0, "ledger_imbalance": 0, "balances_vs_ledger": 0, "positions_vs_fills": 0, "unprotected_positions": 0}',
  'and the books are right');

select * from finish();
rollback;
