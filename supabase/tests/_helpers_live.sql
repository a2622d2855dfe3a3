-- Helpers for tests of live trading: an exchange account, and a venue whose answers the test gives.

create table tests.live_work (job_id bigint, fence bigint, answer jsonb);
comment on table tests.live_work is 'The live job under way and the command''s last answer about it.';

create or replace function tests.go_live(p_owner text, p_cash numeric default 10000) returns uuid
language plpgsql set search_path = ''
as $$
declare
  v_id uuid;
begin
  update public.traders t set paper_trade_mode = false where t.user_id = tests.user_id(p_owner);
  insert into trading.exchange_clocks (environment, offset_ms, uncertainty_ms, measured_at)
  values ('simulator', 0, 1, trading.engine_now()) on conflict (environment) do update set measured_at = excluded.measured_at;
  v_id := trading.connect_exchange_account(tests.user_id(p_owner), 'simulator', 'uid-' || p_owner, 'key-of-' || p_owner, 'secret-of-' || p_owner);
  perform tests.next_call();
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'account', jsonb_build_object('uid', 'uid-' || p_owner, 'can_trade', true),
    'balances', jsonb_build_array(jsonb_build_object('asset', 'USDT', 'free', p_cash::text, 'locked', '0'))));
  perform tests.answer('{"outcome": "accepted", "orders": []}');
  return v_id;
end
$$;
comment on function tests.go_live is 'Takes an owner''s traders live on an exchange account that holds p_cash USDT; returns its id.';

-- Claims and executes until a job wants something of the exchange.
create or replace function tests.next_call() returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_job jsonb;
begin
  delete from tests.live_work;
  loop
    v_job := trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) #> '{jobs,0}';
    if v_job is null then
      return null;
    end if;
    insert into tests.live_work values ((v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint,
      trading.execute_job((v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint));
    exit when (select w.answer ->> 'outcome' from tests.live_work w) = 'call';
    delete from tests.live_work;
  end loop;
  update trading.exchange_calls c set opened_at = c.permitted_at from tests.live_work w where c.id = (w.answer #>> '{call,id}')::bigint;
  return (select w.answer -> 'call' from tests.live_work w);
end
$$;
comment on function tests.next_call is 'The call that the next due job makes, its key opened; null: no job wants one.';

create or replace function tests.answer(p_answer jsonb) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_work tests.live_work;
begin
  select * into v_work from tests.live_work;
  v_work.answer := trading.answer_call(v_work.job_id, v_work.fence, (v_work.answer #>> '{call,id}')::bigint, p_answer);
  update tests.live_work set answer = v_work.answer;
  update trading.exchange_calls c set opened_at = c.permitted_at where c.id = (v_work.answer #>> '{call,id}')::bigint;
  return v_work.answer;
end
$$;
comment on function tests.answer is 'Answers the call under way, and returns what the job says next.';

create or replace function tests.venue_report(p_request jsonb, p_status text, p_executed numeric default 0, p_more jsonb default '{}') returns jsonb
language sql set search_path = ''
as $$
  select jsonb_build_object('client_order_id', p_request ->> 'client_order_id', 'exchange_order_id', 'x' || right(p_request ->> 'client_order_id', 6),
    'status', p_status, 'quantity', p_request ->> 'quantity', 'executed_quantity', p_executed::text) || p_more
$$;
comment on function tests.venue_report is 'What a venue says about an order that was asked for.';

create or replace function tests.facts_of(p_signal text) returns jsonb
language sql stable set search_path = ''
as $$ select c.facts from trading.risk_checks c where c.signal_id = tests.signal_id(p_signal) order by c.checked_at desc limit 1 $$;
comment on function tests.facts_of is 'The facts of a signal''s newest verdict.';

create or replace function tests.bought_live(p_signal text, p_trader text, p_levels jsonb default '{"stopLoss": 95}') returns text
language plpgsql set search_path = ''
as $$
declare
  v_call jsonb;
  v_fill jsonb;
begin
  perform tests.decide(p_signal, p_trader, p_levels);
  v_call := tests.next_call();
  if v_call is null then
    return (select s.rejection_code from public.signals s where s.id = tests.signal_id(p_signal));
  end if;
  v_fill := jsonb_build_object('trade_id', p_signal, 'price', v_call #>> '{request,price}', 'quantity', v_call #>> '{request,quantity}', 'fee', '0', 'fee_asset', 'USDT',
    'value', ((v_call #>> '{request,price}')::numeric * (v_call #>> '{request,quantity}')::numeric)::text, 'is_maker', false, 'executed_at', trading.engine_now());
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'filled',
    (v_call #>> '{request,quantity}')::numeric, jsonb_build_object('fills', jsonb_build_array(v_fill)))));
  v_call := tests.next_call();
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'working')));
  return 'bought';
end
$$;
comment on function tests.bought_live is 'A decision of a live trader, filled at its limit, its stop resting: bought, or the code of its denial.';

create or replace function tests.tick_live(p_ask numeric, p_after interval) returns void
language plpgsql set search_path = ''
as $$
begin
  update trading.exchange_clocks set measured_at = trading.engine_now() + p_after;
  perform tests.tick(p_ask - 0.01, p_ask, p_after => p_after);
end
$$;
comment on function tests.tick_live is 'A tick some time later, when the exchange''s clock has been measured again.';

-- A question carries no quantity: the entry is said to be of 1.
create or replace function tests.rest_entry(p_signal text, p_trader text, p_entry numeric) returns void
language plpgsql set search_path = ''
as $$
declare
  v_call jsonb;
begin
  perform tests.tick_live(102, '1 second');
  perform tests.decide(p_signal, p_trader, jsonb_build_object('entry', p_entry, 'stopLoss', 90));
  loop
    v_call := tests.next_call();
    exit when v_call is null;
    perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request' || '{"quantity": "1"}', 'working')));
  end loop;
end
$$;
comment on function tests.rest_entry is 'A live limit entry that rests below the market; whatever else is asked for rests too.';
