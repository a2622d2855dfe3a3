-- Purpose: the permit of a call to an exchange: recorded, budgeted, stamped and bounded in time before a byte leaves.
-- Locks:   none on existing tables.

set role fillbase_engine;

create function trading.call_weight(p_action text, p_request jsonb, p_symbol text) returns int
language sql immutable parallel safe
return case p_action
    when 'lookup' then 4
    when 'fills' then case when p_request ? 'exchange_order_id' then 5 else 20 end
    when 'open_orders' then case when p_symbol is null then 80 else 6 end
    when 'balances' then 20
    else 1 end;
comment on function trading.call_weight is 'Request weight that Binance charges for a call at most (successful orders and cancels are free since 2026-04-02).';

-- An entry may wait two seconds on its way, an exit one: then nothing that was slow arrives after its time.
create function trading.recv_window_ms(p_action text, p_is_entry boolean) returns int
language sql immutable parallel safe
return case when p_action in ('submit', 'submit_pair', 'replace', 'cancel') and not p_is_entry then 1000
    when p_action in ('submit', 'submit_pair', 'replace', 'cancel') then 2000 else 5000 end;
comment on function trading.recv_window_ms is 'For how long after its permit a call may arrive: 1 s for exits and cancels, 2 s for entries, 5 s for questions.';

-- An entry goes by the least that the exchange's clock may be ahead: what the measurement leaves open shortens its window and
-- never lengthens it. By the finest at most half of the window may be lost so; an entry can wait for a better one. What lowers
-- risk goes by the likeliest, however rough: after a sale that is late by that much nothing is sold twice.
create function trading.clock_offset_ms(p_environment text, p_is_entry boolean, p_now timestamptz) returns numeric
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when p_is_entry then c.offset_ms - c.uncertainty_ms else c.offset_ms end from trading.exchange_clocks c, trading.settings s
    where c.environment = p_environment and c.measured_at > p_now - make_interval(secs => s.clock_max_age_ms / 1000.0)
      and (not p_is_entry or c.uncertainty_ms <= 500)
  );
end
$$;
comment on function trading.clock_offset_ms is
  'How far the exchange''s clock is ahead, for an entry at least; null: never measured, too long ago, or for an entry not to within half a second.';

create function trading.exchange_time(p_account_id uuid, p_at timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return p_at + coalesce((
    select c.offset_ms from trading.accounts a join trading.exchange_clocks c on c.environment = a.environment where a.id = p_account_id), 0) * interval '1 millisecond';
end
$$;
comment on function trading.exchange_time is 'A moment of ours by the clock of an account''s exchange, as last measured: what its executions are dated by.';

create function trading.call_json(p_call trading.exchange_calls) returns jsonb
language sql stable
return jsonb_build_object('id', p_call.id, 'environment', p_call.environment, 'action', p_call.action, 'symbol', p_call.symbol,
    'request', p_call.request, 'timestamp_ms', p_call.timestamp_ms, 'recv_window_ms', p_call.recv_window_ms);
comment on function trading.call_json is 'A permitted call as a worker performs it.';

create function trading.is_comparison(p_job trading.jobs) returns boolean
language sql immutable
return p_job.kind = 'sync' and p_job.payload ? 'account_id';
comment on function trading.is_comparison is 'Whether a job compares an exchange account with its books.';

create function trading.is_key_verified(p_account_id uuid) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from trading.exchange_keys k where k.account_id = p_account_id and k.is_active and k.verified_at is not null);
end
$$;
comment on function trading.is_key_verified is 'Whether the exchange has said that the account''s active key is of this account.';

-- What a key is of has to be known before anything can be sold: that question goes before comparisons. An order that rests
-- can wait for its question; one that nobody knows of cannot.
create function trading.call_priority(p_job trading.jobs, p_account_id uuid, p_action text, p_is_entry boolean) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case
    when p_is_entry or p_job.kind = 'enter' then 'entry'
    when trading.is_comparison(p_job) and trading.is_key_verified(p_account_id) then 'check'
    when p_job.kind = 'sync' and p_action = 'lookup'
      and exists (select from public.orders o where o.id = p_job.order_id and o.state in ('working', 'partially_filled')) then 'ask'
    else 'exit' end;
end
$$;
comment on function trading.call_priority is 'How a call draws from the request budget: exit, ask, entry or check.';

create index exchange_calls_walks_idx on trading.exchange_calls (environment, permitted_at) where action = 'fills' and answered_at is null;

-- A walk through executions takes up to thirty requests, of which it draws one: what comparisons leave to others is enough for the
-- rest of one walk, and not for those of many accounts at once. Its worker is at it for 15 s at most, after the 5 s of its window.
create function trading.require_walk(p_environment text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if exists (
    select from trading.exchange_calls c
    where c.environment = p_environment and c.action = 'fills' and c.answered_at is null and c.permitted_at > p_now - interval '20 seconds'
      and c.request ? 'since_ms') then
    perform trading.raise_error('FB429', 'request_budget_exhausted', 'another walk through executions is under way', '{"rule": "request_weight", "wait_ms": 500}',
      'The comparison goes on by itself.');
  end if;
end
$$;
comment on function trading.require_walk is
  'Raises FB429 request_budget_exhausted while a walk through executions is under way in an environment. The caller holds its bucket of request weight.';

-- A stop is not ended for an order that could not leave then: the cancel draws for that one, too (p_orders), which gets it back
-- and draws for itself, unless the exchange has shut the bucket meanwhile.
create function trading.orders_drawn_ahead(p_job trading.jobs) returns int
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(sum(c.orders), 0) from trading.exchange_calls c
    where c.job_id = p_job.id and c.job_attempt = p_job.attempts and c.action = 'cancel' and c.outcome <> 'not_sent'
      and not exists (select from trading.exchange_calls l where l.job_id = c.job_id and l.job_attempt = c.job_attempt and l.id > c.id and l.orders > 0));
end
$$;
comment on function trading.orders_drawn_ahead is 'New orders that a job''s present attempt has drawn for what follows a cancel, and not placed yet.';

-- What is asked for is told by the orders' states alone, so a worker that dies leaves nothing but rows to look at. The one
-- that places an order names it in call_orders, whose key refuses a second sending.
create function trading.permit_call(
  p_job trading.jobs, p_account_id uuid, p_action text, p_symbol text, p_request jsonb, p_now timestamptz,
  p_position_id uuid default null, p_order_id uuid default null, p_placed uuid[] default '{}', p_is_entry boolean default false,
  p_orders int default 0
) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_environment text := (select a.environment from trading.accounts a where a.id = p_account_id);
  v_offset      numeric := trading.clock_offset_ms(v_environment, p_is_entry, p_now);
  v_window      int := trading.recv_window_ms(p_action, p_is_entry);
  v_priority    text := trading.call_priority(p_job, p_account_id, p_action, p_is_entry);
  v_weight      int := trading.call_weight(p_action, p_request, p_symbol);
  v_orders      int := cardinality(p_placed) + p_orders;
  v_call        trading.exchange_calls;
begin
  if v_offset is null and p_action <> 'server_time' then
    perform trading.raise_error('FB423', 'clock_unknown', 'the exchange''s clock has not been measured lately',
      jsonb_build_object('environment', v_environment), 'The job is tried again and asks for it first.');
  end if;
  if p_action not in ('server_time', 'balances') and not trading.is_key_verified(p_account_id) then
    perform trading.raise_error('FB423', 'key_unverified', 'the exchange has not said yet whose the new key is', jsonb_build_object('account_id', p_account_id),
      'The job is tried again; the account is asked for its uid meanwhile.');
  end if;
  if cardinality(p_placed) > 0 and not p_is_entry then
    perform trading.return_budget(p_account_id, 0, trading.orders_drawn_ahead(p_job));
  end if;
  perform trading.require_budget(p_account_id, v_priority, v_weight, v_orders, p_now);
  if v_priority = 'check' and p_action = 'fills' then
    perform trading.require_walk(v_environment, p_now);
  end if;
  insert into trading.exchange_calls (account_id, environment, job_id, job_attempt, position_id, order_id, action, symbol, request, weight, orders,
    timestamp_ms, recv_window_ms, permitted_at, send_by)
  values (p_account_id, v_environment, p_job.id, p_job.attempts, p_position_id, p_order_id, p_action, p_symbol, p_request, v_weight, v_orders,
    floor(extract(epoch from p_now) * 1000 + coalesce(v_offset, 0)), v_window, p_now, p_now + make_interval(secs => v_window / 1000.0))
  returning * into v_call;
  insert into trading.call_orders (order_id, call_id) select o.id, v_call.id from unnest(p_placed) o (id);
  update public.orders o set send_by = v_call.send_by where o.id = any (p_placed);
  return jsonb_build_object('outcome', 'call', 'call', trading.call_json(v_call));
end
$$;
comment on function trading.permit_call is
  'Records a call and gives it leave: {outcome: call, call}. p_placed: the orders that it places; p_orders: how many more it draws for. FB423 clock_unknown, key_unverified; FB429 request_budget_exhausted.';

create function trading.settle_budget(p_call_id bigint, p_answer jsonb) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_call     trading.exchange_calls;
  v_requests int := (p_answer ->> 'requests')::int;
begin
  select * into v_call from trading.exchange_calls c where c.id = p_call_id;
  if p_answer ->> 'outcome' = 'not_sent' then
    perform trading.return_budget(v_call.account_id, v_call.weight, v_call.orders);
  elsif v_requests > 1 then
    perform trading.charge_weight(v_call.account_id, v_call.weight * (v_requests - 1));
  end if;
end
$$;
comment on function trading.settle_budget is 'What a call has cost beside what it drew: more requests are charged, one that never left is given back.';

-- The one place a key is opened. The call must have its permit and its time; each opening is audited. A key that was stored
-- since the permit is not used for it before the exchange has said whose it is. Opened once: whoever takes the job up later
-- can tell by the row whether anything can have left. Security definer: the worker's role may read neither keys nor Vault, only
-- ask for the key of a call.
create function trading.open_key(p_call_id bigint, p_now timestamptz default null) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now  timestamptz := coalesce(p_now, trading.engine_now());
  v_call trading.exchange_calls;
  v_key  trading.exchange_keys;
begin
  update trading.exchange_calls c set opened_at = v_now
  where c.id = p_call_id and c.answered_at is null and c.opened_at is null and v_now <= c.send_by returning * into v_call;
  if not found then
    perform trading.raise_error('FB409', 'call_over', 'there is no such call, its time is over, or its key was opened before', jsonb_build_object('call_id', p_call_id));
  end if;
  update trading.exchange_keys k set use_count = k.use_count + 1, last_used_at = v_now
  where k.account_id = v_call.account_id and k.is_active and (k.verified_at is not null or v_call.action = 'balances') returning * into v_key;
  if not found then
    perform trading.raise_error('FB423', 'key_unavailable', 'the exchange account has no active key, or one that nobody knows yet whose it is', jsonb_build_object('account_id', v_call.account_id),
      'Store a key for it (trading.connect_exchange_account).');
  end if;
  perform trading.audit(v_now, 'exchange_key_opened', v_key.user_id, null, 'account', v_key.account_id::text,
    jsonb_build_object('key_id', v_key.id, 'call_id', v_call.id, 'action', v_call.action));
  return jsonb_build_object('api_key', trading.read_key_secret(v_key.api_key_id), 'secret', trading.read_key_secret(v_key.secret_id),
    'send_within_ms', floor(extract(epoch from v_call.send_by - v_now) * 1000));
end
$$;
comment on function trading.open_key is 'The key for one permitted call: {api_key, secret, send_within_ms}, audited; the last is what is left of the call''s window. FB409 call_over, FB423 key_unavailable.';
grant execute on function trading.open_key to service_role;

reset role;
