-- A symbol was halted for long, and trades again.
begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
create temp table t as select tests.go_live('ann') as account, tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95}') as position;
select tests.rest_guard();
delete from trading.jobs where status = 'queued';
-- What is asked of the exchange within so many seconds.
create function pg_temp.play(p_seconds int) returns text language plpgsql as $$
declare
  v_call jsonb;
begin
  for v_n in 1 .. p_seconds loop
    perform trading.set_clock(trading.engine_now() + interval '1 second');
    update trading.exchange_clocks set measured_at = trading.engine_now();
    delete from trading.jobs where kind = 'sync' and status = 'queued';
    v_call := tests.next_call();
    exit when v_call is not null;
  end loop;
  return v_call ->> 'action';
end
$$;
create function pg_temp.sale() returns text language sql as $$
  select concat_ws(' ', j.last_error ->> 'code', j.failures, extract(epoch from j.due_at - trading.engine_now())::int || ' s') from trading.jobs j where j.key = 'sell'
$$;
select tests.list_symbol('SOLUSDT', '{"status": "BREAK"}');
select trading.enqueue_job('exit', 'sell', (tests.position_of('one')).portfolio_id, false, trading.engine_now(), p_position_id => position, p_payload => '{"reason": "manual"}') from t;
select is(pg_temp.play(64), null, 'a halted symbol is not sold for a minute');
select is(pg_temp.sale(), 'symbol_not_trading 8 16 s', 'the sale backs off');
select tests.list_symbol('SOLUSDT', '{"status": "BREAK"}');
select is(pg_temp.sale(), 'symbol_not_trading 8 16 s', 'the news that it is halted still changes nothing');
select tests.list_symbol('SOLUSDT');
select is(pg_temp.sale(), 'symbol_not_trading 0 0 s', 'it trades again: the wait is over and forgotten');
select is(pg_temp.play(1), 'replace', 'it is sold at once');
select tests.answer('{"outcome": "rejected", "reason": "venue_busy", "code": -1008, "message": "Server is currently overloaded with other requests. Please try again in a few minutes."}');
select is(pg_temp.sale(), 'exit_incomplete 1 1 s', 'the first refusal after it has it tried again in a second');

select * from finish();
rollback;
