-- Helpers for tests of what an exchange account holds: positions that rest there, and comparisons with answers of the test's.

create or replace function tests.buy_live(p_signal text, p_trader text, p_quantity numeric default 1, p_levels jsonb default '{"stopLoss": 95, "takeProfit": [120]}')
returns uuid
language plpgsql set search_path = ''
as $$
declare
  v_call jsonb;
begin
  perform tests.tick(99.99, 100);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  perform tests.decide(p_signal, p_trader, p_levels);
  v_call := tests.next_call();
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_call -> 'request', 'filled', p_quantity,
    jsonb_build_object('fills', jsonb_build_array(jsonb_build_object('trade_id', 'buy ' || p_signal, 'price', '100', 'quantity', p_quantity::text,
      'value', (p_quantity * 100)::text, 'fee', '0', 'fee_asset', 'USDT', 'is_maker', false, 'side', 'BUY', 'executed_at', trading.engine_now()))))));
  return (tests.position_of(p_signal)).id;
end
$$;
comment on function tests.buy_live is 'A live position bought at 100 without a fee; its protection is due. Returns its id.';

create or replace function tests.rest_guard() returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_call jsonb := tests.next_call();
  v_legs jsonb;
begin
  if v_call ->> 'action' not in ('submit_pair', 'submit') then
    return v_call;
  end if;
  v_legs := case v_call ->> 'action' when 'submit' then jsonb_build_array(v_call -> 'request')
    else jsonb_build_array(v_call #> '{request,target}', v_call #> '{request,stop}') end;
  perform tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report(v_legs -> 0, 'working'), 'orders', (
    select jsonb_agg(tests.venue_report(l, 'working', 0, jsonb_build_object('list_id', v_call #>> '{request,list_client_order_id}'))) from jsonb_array_elements(v_legs) l)));
  return v_call;
end
$$;
comment on function tests.rest_guard is 'Accepts the next call, which places a stop or a pair; returns it.';

-- Placed: working; cancelled or replaced: cancelled; asked about: as the books have it.
create or replace function tests.obey() returns text[]
language plpgsql set search_path = ''
as $$
declare
  v_call jsonb := tests.next_call();
  v_done text[] := '{}';
  v_new  jsonb;
  v_old  text;
begin
  while v_call is not null loop
    v_done := v_done || (v_call ->> 'action');
    v_new := coalesce(v_call #> '{request,order}', v_call -> 'request');
    v_old := coalesce(v_call #>> '{request,cancel_client_order_id}', v_call #>> '{request,client_order_id}');
    perform tests.answer('{"outcome": "accepted"}' || case v_call ->> 'action'
      when 'submit' then jsonb_build_object('order', tests.venue_report(v_new, 'working'))
      when 'submit_pair' then jsonb_build_object('orders', jsonb_build_array(
        tests.venue_report(v_new -> 'stop', 'working', 0, jsonb_build_object('list_id', v_new ->> 'list_client_order_id')),
        tests.venue_report(v_new -> 'target', 'working', 0, jsonb_build_object('list_id', v_new ->> 'list_client_order_id'))))
      when 'replace' then jsonb_build_object('order', tests.venue_report(v_new, 'working'),
        'cancelled', tests.venue_report(jsonb_build_object('client_order_id', v_old), 'cancelled'))
      when 'cancel' then jsonb_build_object('order', tests.venue_report(v_new, 'cancelled'))
      when 'check_order' then '{}'
      when 'lookup' then jsonb_build_object('order', tests.venue_report(v_new, 'cancelled')) end);
    v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
  end loop;
  return v_done;
end
$$;
comment on function tests.obey is 'Does what is asked until nothing is: orders rest, what is cancelled is, what is asked about was cancelled. Returns the actions.';

create or replace function tests.converse(p_after interval default '0') returns void
language plpgsql set search_path = ''
as $$
declare
  v_call jsonb;
begin
  perform trading.set_clock(trading.engine_now() + p_after);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  v_call := tests.next_call();
  while v_call is not null loop
    perform tests.answer(pg_temp.says(v_call));
    v_call := coalesce((select w.answer -> 'call' from tests.live_work w), tests.next_call());
  end loop;
end
$$;
comment on function tests.converse is 'Some time later: answers every call as the test''s own pg_temp.says(call) has it, until nothing is asked.';

create or replace function tests.listed(p_account_id uuid) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('client_order_id', o.client_order_id, 'exchange_order_id', o.binance_order_id, 'symbol', o.symbol,
    'side', o.side, 'status', 'working', 'quantity', o.quantity::text, 'executed_quantity', o.filled_quantity::text)), '[]')
  from public.orders o where o.account_id = p_account_id and o.state in ('working', 'partially_filled')
$$;
comment on function tests.listed is 'The account''s open orders as the books have them.';

-- Coins that an open sell would sell are locked: who takes them away has to end it first. What that has queued is not the test's.
create or replace function tests.end_by_hand() returns void
language plpgsql set search_path = ''
as $$
begin
  perform trading.fold_venue_report(o.id, '{"status": "cancelled", "executed_quantity": "0"}', trading.engine_now())
  from public.orders o where o.side = 'SELL' and o.state in ('working', 'partially_filled') order by o.id;
  delete from trading.jobs where status = 'queued';
end
$$;
comment on function tests.end_by_hand is 'The owner cancels at the exchange whatever sell of ours is open there.';

-- p_balances: {"SOL": 1}; p_fills: {"SOLUSDT": [fill, ..]}; p_orders: open orders, null: as the books have them.
create or replace function tests.compare(
  p_account_id uuid, p_balances jsonb, p_orders jsonb default null, p_fills jsonb default '{}', p_lookup jsonb default null,
  p_after interval default '6 seconds', p_cause text default 'test'
) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_call jsonb;
  v_uid  text := (select a.exchange_uid from trading.accounts a where a.id = p_account_id);
begin
  perform trading.set_clock(trading.engine_now() + p_after);
  update trading.exchange_clocks set measured_at = trading.engine_now();
  perform trading.queue_account_check(p_account_id, p_cause, trading.engine_now());
  v_call := tests.next_call();
  if v_call ->> 'action' is distinct from 'balances' then
    raise exception 'a comparison was to begin, but the next call is %', v_call;
  end if;
  while v_call is not null loop
    perform tests.answer('{"outcome": "accepted"}' || case v_call ->> 'action'
      when 'balances' then jsonb_build_object('account', jsonb_build_object('uid', v_uid, 'can_trade', true), 'balances', (
        select coalesce(jsonb_agg(jsonb_build_object('asset', b.key, 'free', b.value, 'locked', '0')), '[]') from jsonb_each_text(p_balances) b))
      when 'open_orders' then jsonb_build_object('orders', coalesce(p_orders, tests.listed(p_account_id)))
      when 'fills' then jsonb_build_object('fills', coalesce(p_fills -> (v_call ->> 'symbol'), '[]'))
      when 'lookup' then coalesce(p_lookup, case when v_call -> 'request' ? 'exchange_order_id' then jsonb_build_object('order', jsonb_build_object(
        'client_order_id', 'web_1', 'exchange_order_id', v_call #>> '{request,exchange_order_id}')) end, '{"outcome": "rejected", "reason": "order_not_found"}') end);
    v_call := (select w.answer -> 'call' from tests.live_work w);
  end loop;
  return (select c.differences from trading.account_checks c where c.account_id = p_account_id order by c.id desc limit 1);
end
$$;
comment on function tests.compare is 'Compares an account some time later: what it holds, what is open and what was executed is the test''s to say. Returns the differences found.';

create or replace function tests.has_alert(p_code text, p_subject text default '%') returns boolean
language sql stable set search_path = ''
as $$ select exists (select from public.alerts a where a.code = p_code and a.subject_id like p_subject and a.resolved_at is null) $$;
comment on function tests.has_alert is 'Whether an alert of that code (and subject) stands open.';
