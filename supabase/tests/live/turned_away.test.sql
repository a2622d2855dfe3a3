-- A firewall or a country's law turns the engine away for a while (HTTP 403 or 451 without a code of the exchange's): that is no word
-- about an order or a key.
begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha');
select tests.go_live('ann');
select tests.buy_live('one', 'alpha', 1, '{"stopLoss": 95, "takeProfit": [120]}');
create temp table asked (n serial, action text);
create function pg_temp.turned_away(p_status int) returns jsonb language sql as $$
  select jsonb_build_object('outcome', 'rejected', 'reason', 'turned_away', 'http_status', p_status, 'message', 'HTTP ' || p_status)
$$;
create function pg_temp.play(p_after interval, p_answer jsonb) returns text language plpgsql as $$
declare
  v_call jsonb;
begin
  delete from asked;
  perform trading.set_clock(trading.engine_now() + p_after);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  v_call := tests.next_call();
  while v_call is not null loop
    insert into asked (action) values (v_call ->> 'action');
    perform tests.answer(p_answer);
    v_call := (select w.answer -> 'call' from tests.live_work w);
  end loop;
  return (select string_agg(action, ' ' order by n) from asked);
end
$$;
create function pg_temp.wait(p_kind text) returns interval language sql as $$
  select due_at - trading.engine_now() from trading.jobs where kind = p_kind and status = 'queued'
$$;

select is(pg_temp.play('0', pg_temp.turned_away(403)), 'submit_pair', 'a pair that was turned away is not tried as a stop alone at once');
select is(pg_temp.play('1 second', pg_temp.turned_away(403)), 'submit_pair', 'the pair itself is tried again');
select pg_temp.play('2 seconds', pg_temp.turned_away(403));
select is(pg_temp.wait('protect'), interval '4 seconds', 'a third time too: a stop that nobody has refused does not wait a minute');
select ok(not tests.has_alert('venue_stop_refused'), 'nor is it told as refused');

delete from trading.jobs where status = 'queued';
select trading.enqueue_job('exit', 'sell', p.portfolio_id, false, trading.engine_now(), p_position_id => p.id, p_payload => '{"reason": "stop_loss"}')
from tests.position_of('one') p;
select is(pg_temp.play('0', pg_temp.turned_away(451)), 'submit', 'a sale that was turned away');
select is(pg_temp.wait('exit'), interval '1 second', 'does not wait a minute as for a key');
select is((select refused_at from trading.exchange_keys), null, 'that was not refused');
select is((select last_error ->> 'cause' from trading.jobs where key = 'sell'), 'turned_away', 'and says why');

select * from finish();
rollback;
