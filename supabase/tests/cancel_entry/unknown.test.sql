begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "entry_timeout_seconds": 3600}');
select tests.go_live('ann', 10000);

-- Nobody knows whether the exchange has the order: the call was not answered.
create function pg_temp.lose(p_signal text) returns text language plpgsql as $$
begin
  perform tests.decide(p_signal, 'alpha', '{"entry": 99, "stopLoss": 95}');
  perform tests.next_call();
  perform tests.answer('{"outcome": "unknown", "reason": "no_answer", "message": "timeout"}');
  return (tests.order_of(p_signal, 'entry')).state;
end
$$;
-- It is there and rests, until it is cancelled.
create function pg_temp.find(p_signal text) returns text language plpgsql as $$
declare
  v_call jsonb;
  v_actions text := '';
begin
  for i in 1 .. 6 loop
    perform trading.set_clock(trading.engine_now() + interval '5 seconds');
    update trading.exchange_clocks set measured_at = trading.engine_now();
    v_call := tests.next_call();
    while v_call is not null loop
      v_actions := v_actions || ' ' || (v_call ->> 'action');
      perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(
        v_call -> 'request' || jsonb_build_object('quantity', (tests.order_of(p_signal, 'entry')).quantity::text),
        case v_call ->> 'action' when 'cancel' then 'cancelled' else 'working' end)));
      v_call := (select w.answer -> 'call' from tests.live_work w);
    end loop;
    exit when (tests.order_of(p_signal, 'entry')).finished_at is not null;
  end loop;
  return (tests.order_of(p_signal, 'entry')).state || ' ' || (tests.order_of(p_signal, 'entry')).reason;
end
$$;

select is(pg_temp.lose('mine'), 'unknown', 'nobody knows whether there is an order');
select tests.act_as_user('ann');
select isnt(public.cancel_entry((tests.position_of('mine')).id) ->> 'job_id', null, 'its owner may cancel it all the same');
select tests.act_as_owner();
select is(pg_temp.find('mine'), 'cancelled cancelled_by_user', 'when it turns out to rest it is cancelled');
select is((tests.position_of('mine')).status, 'failed', 'its position ends without coins');

select is(pg_temp.lose('theirs'), 'unknown', 'nobody knows of another one');
select tests.decide('theirs', 'alpha', '{"entry": 99, "stopLoss": 95}', 'bad_setup');
select is((select count(*) from trading.jobs where kind = 'cancel' and payload ->> 'reason' = 'decision_withdrawn'), 1::bigint,
  'the AI takes its decision back');
select is(pg_temp.find('theirs'), 'cancelled decision_withdrawn', 'and it is cancelled too');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v) where k <> 'jobs_left'), 0::bigint, 'the books are right');

select * from finish();
rollback;
