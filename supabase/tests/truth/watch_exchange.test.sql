begin;
select plan(32);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account;
update trading.rate_rules set burst = 100000 where name = 'request_weight'; -- Not what this is about.
update trading.rate_budgets set tokens = 100000 where rule = 'request_weight';
select tests.buy_live('one', 'alpha');
select tests.obey();

-- Start-up ---------------------------------------------------------------------------------------------------------------
create function pg_temp.checks(p_cause text) returns bigint language sql as $$
  select count(*) from trading.jobs j where j.payload ->> 'cause' = p_cause
$$;
select trading.sweep(trading.engine_now());
select is(pg_temp.checks('startup'), 1::bigint, 'the first sweep compares every account');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}', p_after => '0 seconds');
select trading.sweep(trading.engine_now());
select is(pg_temp.checks('startup'), 1::bigint, 'the next one does not');
update trading.startups set postmaster_started_at = postmaster_started_at - interval '1 hour';
select trading.sweep(trading.engine_now());
select is(pg_temp.checks('startup'), 2::bigint, 'after the database was started again, it does');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}', p_after => '0 seconds');
select trading.arm_installation('https://desk.example.test', repeat('desk', 8), 'tests', trading.engine_now());
select trading.sweep(trading.engine_now());
select is(pg_temp.checks('startup'), 3::bigint, 'and after the installation was armed again');
select tests.compare((select account from t), '{"USDT": 9900, "SOL": 1}', p_after => '0 seconds');

-- An exchange that is silent ------------------------------------------------------------------------------------------------
create function pg_temp.silence(p_for interval) returns int language plpgsql as $$
declare
  v_until timestamptz := trading.engine_now() + p_for;
  v_calls int := 0;
  v_call  jsonb;
begin
  while trading.engine_now() < v_until loop
    perform trading.set_clock(trading.engine_now() + interval '2 seconds');
    perform trading.sweep(trading.engine_now());
    v_call := tests.next_call();
    while v_call is not null loop
      v_calls := v_calls + 1;
      perform tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
      v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
    end loop;
  end loop;
  return v_calls;
end
$$;
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "manual"}') from tests.position_of('one') p;
create temp table silent as select pg_temp.silence('15 minutes') as calls;
select cmp_ok((select calls from silent), '<', 450, 'in a quarter of an hour of silence there are fewer calls than sweeps');
select cmp_ok((select max(attempts) from trading.jobs), '<', 65, 'because each job asks every 16 seconds at most');
select is((select severity || ' ' || occurrences from public.alerts where code = 'exchange_silent'), 'critical 1', 'there is one alert');
select is((select count(*) from trading.jobs where status = 'running'), 0::bigint, 'nothing hangs');
select is((select status from trading.jobs where key = 'sell'), 'queued', 'the sale is not forgotten');
select is((tests.position_of('one')).quantity::numeric, 1::numeric, 'nor the position');
select cmp_ok((select count(*) from trading.jobs where status = 'queued'), '<', 10::bigint, 'jobs do not pile up');
select is((select count(*) from public.orders o where o.role = 'exit'), 1::bigint, 'no second sale was sent beside the one whose fate is unknown');
select ok(tests.has_alert('order_unproven'), 'which is told too');
select trading.set_clock(trading.engine_now() + interval '20 seconds');
select is(tests.next_call() ->> 'action', 'server_time', 'then the exchange''s clock is asked for first');
select tests.answer(jsonb_build_object('outcome', 'accepted', 'server_time_ms', trunc(extract(epoch from trading.engine_now()) * 1000)));
select ok(not tests.has_alert('exchange_silent'), 'the first answer ends the alert');

-- A decision in that time ----------------------------------------------------------------------------------------------------
delete from trading.jobs where status in ('queued', 'running');
delete from trading.exchange_clocks;
select tests.hire('beta', 'ann', '{"paper_trade_mode": false, "signal_ttl_seconds": 60}');
select tests.decide('late', 'beta');
select is(tests.next_call() ->> 'action', 'server_time', 'a decision waits for the exchange''s clock');
select tests.answer('{"outcome": "unknown", "reason": "no_answer"}');
select tests.tick(99.99, 100, p_after => '61 seconds');
select is(tests.next_call(), null, 'not beyond its time');
select is((select rejection_code from public.signals where id = tests.signal_id('late')), 'signal_stale', 'then it is over');

-- Symbols ----------------------------------------------------------------------------------------------------------------------
select tests.list_symbol('SOLUSDT', '{"status": "HALT"}');
select trading.watch_symbols(trading.engine_now());
select trading.watch_symbols(trading.engine_now());
select is((select severity || ' ' || occurrences || ' ' || (detail ->> 'status') from public.alerts where code = 'symbol_not_trading'), 'critical 1 HALT',
  'a position whose symbol is halted is told once');
select is((select count(*) from trading.engine_stops), 1::bigint, 'its stop stays armed');
select trading.set_clock(trading.engine_now() + interval '61 seconds');
select trading.watch_symbols(trading.engine_now());
select is(trading.instruments_updated_at(), null, 'whether it trades again is looked at every minute');
select trading.apply_instruments('[]', 'tests', true);
select isnt(trading.instruments_updated_at(), null, 'one that is not listed any more is not asked for on and on');
update public.instruments set doubted_at = trading.engine_now();
select trading.apply_instruments('[]', 'tests', true);
select isnt(trading.instruments_updated_at(), null, 'nor when it was delisted before');
select trading.watch_symbols(trading.engine_now());
select ok(tests.has_alert('symbol_not_trading'), 'delisted is no better');
select tests.list_symbol('SOLUSDT');
select trading.watch_symbols(trading.engine_now());
select ok(not tests.has_alert('symbol_not_trading'), 'when it trades again the alert is resolved');

-- Filters that have changed -----------------------------------------------------------------------------------------------------
select isnt(trading.instruments_updated_at(), null, 'filters are known');
select trading.doubt_filters('SOLUSDT', trading.engine_now());
select isnt(trading.instruments_updated_at(), null, 'fresh ones are not doubted');
select trading.doubt_filters('SOLUSDT', trading.engine_now() + interval '61 seconds');
select is(trading.instruments_updated_at(), null, 'older ones are fetched again by the next poll');
select ok(tests.has_alert('filters_doubted', 'SOLUSDT'), 'that is told');
select tests.list_symbol('SOLUSDT', '{"lot_step": 0.01}');
select isnt(trading.instruments_updated_at(), null, 'when they are there');
select ok(not tests.has_alert('filters_doubted'), 'the alert is resolved');
select trading.doubt_filters('SOLUSDT', trading.engine_now() + interval '122 seconds');
select trading.doubt_filters('SOLUSDT', trading.engine_now() + interval '123 seconds');
select is((select occurrences from public.alerts where code = 'filters_doubted' and resolved_at is null), 1, 'a second refusal does not doubt them twice');

select * from finish();
rollback;
