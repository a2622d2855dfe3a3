-- Purpose: the request budgets that all workers draw from before they may speak to the exchange.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.rate_rules (
  name           text primary key,
  scope          text not null check (scope in ('exchange', 'account')),
  counts         text not null check (counts in ('weight', 'orders', 'questions', 'prices')),
  burst          numeric not null check (burst > 0 and burst <> 'NaN' and burst <> 'Infinity'),
  per_second     numeric not null check (per_second > 0 and per_second <> 'NaN' and per_second <> 'Infinity'),
  entry_reserve  numeric not null check (entry_reserve >= 0),
  check_reserve  numeric not null check (check_reserve >= 0),
  ask_reserve    numeric not null check (ask_reserve >= 0),
  poll_reserve   numeric not null default 0 check (poll_reserve >= 0),
  note           text not null default '',
  constraint rate_rules_reserve_within_burst check (greatest(entry_reserve, check_reserve, ask_reserve, poll_reserve) < burst)
);
comment on table  trading.rate_rules is 'Token buckets: any window of s seconds passes at most burst + s x per_second. An operator may change them.';
comment on column trading.rate_rules.scope is 'exchange: one bucket for the whole installation (limits per address); account: one for each account.';
comment on column trading.rate_rules.counts is 'weight: the request weight that Binance charges; orders: new orders; questions: the weight of asking about orders that rest; prices: that of polling the market.';
comment on column trading.rate_rules.entry_reserve is 'Tokens that an entry must leave behind, so that exits and cancels always find some; check_reserve: what a comparison of books must leave, ask_reserve a question about a resting order.';
comment on column trading.rate_rules.poll_reserve is 'Of questions: tokens below which none is queued about an order that no tick has reached; they are for those that one has.';
-- Nine tenths of what Binance allows in any window (weight 6,000 a minute, orders 100 in 10 s and 200,000 a day). Prices are
-- asked for from the same address, with 1,200 a minute at most, from a bucket of their own (trading.poll_plan). Decisions come in bursts, when candles close: so much of the
-- ten seconds' orders may leave at once that ten entries find their protection. Questions about orders that rest have a
-- bucket of their own besides: a price that touches a level where hundreds of them rest must leave something for the others. Two
-- thirds of it are kept for orders that a tick has reached: what has filled has no stop before it is asked about, and polls alone
-- would use up whatever comes in.
insert into trading.rate_rules values
  ('request_weight', 'exchange', 'weight', 900, 55, 300, 600, 150, 0, '4,200 a minute of 6,000, beside 1,200 for prices'),
  ('questions', 'exchange', 'questions', 600, 30, 0, 0, 0, 400, '150 orders at once, then 7 a second; polls leave 100'),
  ('prices', 'exchange', 'prices', 60, 19, 0, 0, 0, 0, '1,200 in any minute: 17 symbols every 2 s'),
  ('orders_10s', 'account', 'orders', 50, 4, 20, 0, 0, 0, '90 in 10 s of 100'),
  ('orders_1d', 'account', 'orders', 10000, 1.96, 1000, 0, 0, 0, '179,344 a day of 200,000');

create table trading.rate_budgets (
  rule           text not null references trading.rate_rules (name),
  scope_id       uuid not null,
  tokens         numeric not null,
  refilled_at    timestamptz not null,
  blocked_until  timestamptz,
  primary key (rule, scope_id)
) with (fillfactor = 50);
comment on table  trading.rate_budgets is 'The tokens of each bucket as of refilled_at; they are drawn under the row''s lock by whichever worker comes.';
comment on column trading.rate_budgets.blocked_until is 'The exchange said when to come back; nobody draws before, exits neither: the next step is a ban.';

alter table trading.rate_rules enable row level security;
alter table trading.rate_budgets enable row level security;
create policy rate_rules_select_service on trading.rate_rules for select to service_role using (true);
create policy rate_budgets_select_service on trading.rate_budgets for select to service_role using (true);
revoke all on trading.rate_rules, trading.rate_budgets from public, anon, authenticated, service_role;
grant select on trading.rate_rules, trading.rate_budgets to service_role;

create function trading.exchange_scope_id(p_environment text) returns uuid
language sql immutable parallel safe
return trading.derived_id('exchange', p_environment);
comment on function trading.exchange_scope_id is 'Whose bucket the limits per address are of: an environment of the exchange (a testnet''s ban is not production''s).';

create function trading.rate_scope_id(p_scope text, p_account_id uuid) returns uuid
language plpgsql stable set search_path = ''
as $$
begin
  return case p_scope when 'exchange' then trading.exchange_scope_id((select a.environment from trading.accounts a where a.id = p_account_id)) else p_account_id end;
end
$$;
comment on function trading.rate_scope_id is 'Whose bucket it is: that of the exchange''s environment which the account is in, or the account''s.';

create function trading.draw_reserve(p_rule trading.rate_rules, p_priority text) returns numeric
language sql immutable
return case p_priority when 'exit' then 0 when 'ask' then p_rule.ask_reserve when 'entry' then p_rule.entry_reserve when 'check' then p_rule.check_reserve end;
comment on function trading.draw_reserve is 'What a draw leaves behind: an exit, a cancel or what proves an order nothing; a question about a resting order, an entry and a comparison of books their reserves.';

create function trading.draw_amount(p_rule trading.rate_rules, p_weight int, p_orders int) returns int
language sql immutable
return case p_rule.counts when 'orders' then p_orders else p_weight end;
comment on function trading.draw_amount is 'What a draw takes from the bucket of one rule.';

create function trading.tokens_at(p_budget trading.rate_budgets, p_rule trading.rate_rules, p_at timestamptz) returns numeric
language sql stable
return least(p_rule.burst, p_budget.tokens + p_rule.per_second * greatest(extract(epoch from p_at - p_budget.refilled_at), 0));
comment on function trading.tokens_at is 'What a bucket holds at a moment.';

create function trading.rules_for(p_priority text, p_weight int, p_orders int) returns setof trading.rate_rules
language sql stable
begin atomic
  select * from trading.rate_rules r where (r.counts in ('weight', 'orders') or (r.counts = 'questions' and p_priority = 'ask')) and trading.draw_amount(r, p_weight, p_orders) > 0;
end;
comment on function trading.rules_for is 'Whose buckets a draw of this priority takes from: those of questions and of prices are none of the others'' business, and one that nothing is taken from, perhaps shut, says nothing.';

-- All buckets or none. The locks come in the order of the rules' names, and are held until the caller's commit. That of questions
-- is the last: who has given weight back, or heeded the exchange's count of it, may ask in the same transaction.
create function trading.draw_budget(p_account_id uuid, p_priority text, p_weight int, p_orders int, p_at timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  -- Known before the buckets are looked for, so that they are found by their key however many accounts there are.
  v_exchange_id uuid := trading.rate_scope_id('exchange', p_account_id);
  v_locked      int;
  v_refused     jsonb;
begin
  if (p_weight >= 0 and p_orders >= 0 and p_priority in ('exit', 'ask', 'entry', 'check')) is not true or exists (
    select from trading.rules_for(p_priority, p_weight, p_orders) r
    where trading.draw_amount(r, p_weight, p_orders) > r.burst - trading.draw_reserve(r, p_priority)) then
    perform trading.raise_error('FB400', 'draw_invalid', 'a draw names its priority (exit, ask, entry, check) and a weight and a number of orders that its buckets can hold');
  end if;
  loop
    perform from trading.rules_for(p_priority, p_weight, p_orders) r join trading.rate_budgets b on b.rule = r.name and b.scope_id = case r.scope when 'exchange' then v_exchange_id else p_account_id end
    order by r.counts = 'questions', b.rule for no key update of b;
    get diagnostics v_locked = row_count;
    exit when v_locked = (select count(*) from trading.rules_for(p_priority, p_weight, p_orders));
    insert into trading.rate_budgets (rule, scope_id, tokens, refilled_at)
    select r.name, case r.scope when 'exchange' then v_exchange_id else p_account_id end, r.burst, p_at from trading.rules_for(p_priority, p_weight, p_orders) r order by r.counts = 'questions', r.name
    on conflict do nothing;
  end loop;

  -- In statements of their own: what a wait for the locks ended with is seen only now. Time never runs backwards here, but a
  -- clock that was ahead for a while must not keep the bucket empty until it is overtaken.
  update trading.rate_budgets b set refilled_at = p_at
  from trading.rules_for(p_priority, p_weight, p_orders) r
  where r.name = b.rule and b.scope_id = case r.scope when 'exchange' then v_exchange_id else p_account_id end and b.refilled_at > p_at + interval '10 seconds';
  select jsonb_build_object('granted', false, 'rule', f.name, 'wait_ms', f.wait_ms) into v_refused
  from (
    select r.name, ceil(1000 * greatest(
      (trading.draw_amount(r, p_weight, p_orders) + trading.draw_reserve(r, p_priority) - trading.tokens_at(b, r, p_at)) / r.per_second,
      extract(epoch from b.blocked_until - p_at))) as wait_ms
    from trading.rules_for(p_priority, p_weight, p_orders) r
    join trading.rate_budgets b on b.rule = r.name and b.scope_id = case r.scope when 'exchange' then v_exchange_id else p_account_id end
  ) f
  where f.wait_ms > 0 order by f.wait_ms desc limit 1;
  if v_refused is not null then
    return v_refused;
  end if;
  update trading.rate_budgets b set
    tokens = trading.tokens_at(b, r, p_at) - trading.draw_amount(r, p_weight, p_orders),
    refilled_at = greatest(b.refilled_at, p_at)
  from trading.rules_for(p_priority, p_weight, p_orders) r
  where r.name = b.rule and b.scope_id = case r.scope when 'exchange' then v_exchange_id else p_account_id end;
  return '{"granted": true}';
end
$$;
comment on function trading.draw_budget is
  'Takes request weight and orders from every bucket at wall-clock time p_at: {granted: true}, or {granted: false, rule, wait_ms} with nothing taken. Questions, entries and checks leave their reserve in each bucket. FB400 draw_invalid.';

-- What was drawn goes back with the transaction that could not draw all of it.
create function trading.require_budget(p_account_id uuid, p_priority text, p_weight int, p_orders int, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_draw jsonb := trading.draw_budget(p_account_id, p_priority, p_weight, p_orders, p_now);
begin
  if not (v_draw ->> 'granted')::boolean then
    perform trading.raise_error('FB429', 'request_budget_exhausted', 'the exchange would be asked more often than it allows', v_draw,
      'The job is tried again by itself; exits and cancels go before questions, those before entries, and comparisons of books last.');
  end if;
end
$$;
comment on function trading.require_budget is 'Draws a call''s weight and orders, or raises FB429 request_budget_exhausted with {rule, wait_ms}.';

-- A question may take several requests: tries again, pages of an answer. One was drawn; whoever comes next waits for the rest.
create function trading.charge_weight(p_account_id uuid, p_weight int) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.rate_budgets b set tokens = b.tokens - p_weight
  where b.rule = 'request_weight' and b.scope_id = trading.rate_scope_id('exchange', p_account_id) and p_weight > 0;
end
$$;
comment on function trading.charge_weight is 'Takes the request weight that a call used beyond what it drew; the bucket may be overdrawn by it.';

-- Proven not to have been sent, a call has cost the exchange's count nothing. A job that misses its window in a crowd tries again
-- at once, and would spend the orders of its account on nothing. The locks come in the order of the rules' names, as for a draw.
create function trading.return_budget(p_account_id uuid, p_weight int, p_orders int) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_rule trading.rate_rules;
begin
  for v_rule in select * from trading.rules_for('exit', p_weight, p_orders) r order by r.name loop
    update trading.rate_budgets b set tokens = least(v_rule.burst, b.tokens + trading.draw_amount(v_rule, p_weight, p_orders))
    where b.rule = v_rule.name and b.scope_id = trading.rate_scope_id(v_rule.scope, p_account_id) and coalesce(b.blocked_until <= b.refilled_at, true);
  end loop;
end
$$;
comment on function trading.return_budget is 'Gives back the weight and orders of a call that never left; not to a bucket that the exchange has shut.';

-- The exchange's own count goes over ours: other programs may use the same address.
create function trading.heed_used_weight(p_account_id uuid, p_used int) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  c_weight_a_minute constant int := 6000;
begin
  update trading.rate_budgets b set tokens = least(b.tokens, greatest(c_weight_a_minute * 0.9 - p_used, 0))
  where b.rule = 'request_weight' and b.scope_id = trading.rate_scope_id('exchange', p_account_id)
    and p_used > c_weight_a_minute / 2 and b.tokens > greatest(c_weight_a_minute * 0.9 - p_used, 0);
end
$$;
comment on function trading.heed_used_weight is 'Tightens the budget of request weight of an account''s environment to what the exchange says was used of its minute.';

-- The exchange's own word (HTTP 429 or 418 with Retry-After) goes over our count.
create function trading.block_bucket(p_rule text, p_scope_id uuid, p_until timestamptz, p_at timestamptz, p_detail jsonb) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if p_until is null or p_until > p_at + interval '3 days' or not exists (select from trading.rate_rules r where r.name = p_rule) then
    perform trading.raise_error('FB400', 'block_invalid', 'a block names a rule and an end within three days', jsonb_build_object('rule', p_rule));
  end if;
  insert into trading.rate_budgets as b (rule, scope_id, tokens, refilled_at, blocked_until)
  values (p_rule, p_scope_id, 0, p_at, p_until)
  on conflict (rule, scope_id) do update set tokens = 0, refilled_at = greatest(b.refilled_at, excluded.refilled_at),
    blocked_until = greatest(b.blocked_until, excluded.blocked_until);
  perform trading.raise_alert(p_at, 'critical', 'exchange_rate_limited', null, 'rate_budget', p_rule,
    'The exchange refuses requests; nothing is sent before the time it named.', p_detail || jsonb_build_object('until', p_until));
end
$$;
comment on function trading.block_bucket is 'Empties a bucket and keeps it shut until p_until (an earlier end never shortens a later one), with an alert. FB400 block_invalid.';

create function trading.block_budget(p_rule text, p_account_id uuid, p_until timestamptz, p_at timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.block_bucket(p_rule, trading.rate_scope_id((select r.scope from trading.rate_rules r where r.name = p_rule), p_account_id), p_until, p_at,
    jsonb_build_object('account_id', p_account_id));
end
$$;
comment on function trading.block_budget is 'Shuts the bucket of an account, or of the environment it is in (trading.block_bucket).';

create function trading.end_blocks(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.code = 'exchange_rate_limited' and a.resolved_at is null
    and not exists (select from trading.rate_budgets b where b.rule = a.subject_id and b.blocked_until > p_now);
end
$$;
comment on function trading.end_blocks is 'On each sweep: resolves exchange_rate_limited of buckets whose named time is over.';

reset role;
