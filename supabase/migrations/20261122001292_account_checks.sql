-- Purpose: the walk through an exchange account: what it holds, what is open, what was executed.
-- Locks:   ACCESS EXCLUSIVE on settings while columns are added.

set role fillbase_engine;

alter table trading.settings
  add column account_check_ms      int not null default 60000 check (account_check_ms between 1000 and 86400000),
  add column account_check_idle_ms int not null default 600000 check (account_check_idle_ms between 1000 and 86400000);
comment on column trading.settings.account_check_ms is 'How often an exchange account with open positions or orders is compared with its books; account_check_idle_ms: one without.';

create table trading.account_checks (
  id               bigint generated always as identity primary key,
  account_id       uuid not null references trading.accounts (id),
  job_id           bigint not null,
  cause            text not null,
  started_at       timestamptz not null,
  finished_at      timestamptz not null,
  is_whole         boolean not null,
  asset_count      int not null,
  order_count      int not null,
  fill_count       int not null,
  unsettled_assets text[] not null,
  differences      jsonb not null
);
comment on table  trading.account_checks is 'Every comparison of an exchange account with its books: what was looked at, and what did not agree.';
comment on column trading.account_checks.started_at is 'When its balances were asked for: the comparison is about that moment.';
comment on column trading.account_checks.is_whole is 'Whether the open orders of all symbols were looked at, not only of those with positions and orders of ours.';
comment on column trading.account_checks.unsettled_assets is 'Assets in which something was still moving or unknown: they were not compared.';
comment on column trading.account_checks.differences is
  '[{kind, asset or symbol, ..}]: cash_moved, coins_moved, coins_missing, balances_contradicted (each with expected and found), order_unexplained, order_outside, order_believed_over, order_executed_more, order_not_listed, trade_outside.';
create index account_checks_account_id_idx on trading.account_checks (account_id, id);
alter table trading.account_checks enable row level security;
create policy account_checks_select_service on trading.account_checks for select to service_role using (true);
revoke all on trading.account_checks from public, anon, authenticated, service_role;
grant select on trading.account_checks to service_role;

-- Queue -------------------------------------------------------------------------------------------------------------

create function trading.queue_account_check(p_account_id uuid, p_cause text, p_due_at timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  insert into trading.jobs (kind, key, portfolio_id, is_paper, due_at, payload)
  select 'sync', concat_ws(':', 'account', a.id, p_cause, gen_random_uuid()), a.portfolio_id, false, p_due_at,
    jsonb_build_object('account_id', a.id, 'cause', p_cause)
  from trading.accounts a
  where a.id = p_account_id and not exists (select from trading.jobs j where j.status = 'queued' and j.kind = 'sync' and j.portfolio_id = a.portfolio_id
    and j.payload ->> 'account_id' = a.id::text and j.due_at <= p_due_at)
  on conflict (key) do nothing;
end
$$;
comment on function trading.queue_account_check is 'Queues a comparison of an exchange account with its books, unless one is queued for then or earlier. p_cause: schedule, or why besides.';

create function trading.queue_due_account_checks(p_now timestamptz) returns int
language plpgsql volatile set search_path = ''
as $$
declare
  v_count int;
begin
  perform trading.queue_account_check(k.account_id, 'schedule', p_now)
  from trading.exchange_keys k
  cross join trading.settings s
  left join lateral (select c.started_at from trading.account_checks c where c.account_id = k.account_id order by c.id desc limit 1) l on true
  where k.is_active
    and coalesce(l.started_at, '-infinity') < p_now - make_interval(secs => case
      when exists (select from public.orders o where o.account_id = k.account_id and not o.is_paper_trade and o.finished_at is null)
        or exists (select from public.positions p
          where p.account_id = k.account_id and not p.is_paper_trade and p.status in ('open', 'monitoring', 'closing'))
      then s.account_check_ms else s.account_check_idle_ms end / 1000.0)
    and not exists (select from trading.jobs j where j.status in ('queued', 'running') and j.kind = 'sync' and j.payload ->> 'account_id' = k.account_id::text);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function trading.queue_due_account_checks is 'On each sweep: queues the comparison of every exchange account whose last one is too long ago; returns how many.';

-- The walk ----------------------------------------------------------------------------------------------------------

-- A walk that finds the request budget spent goes on where it stood. Begun anew it would ask for the same again, and never end.
create function trading.keep_attempt(p_job trading.jobs) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  update trading.jobs set attempts = p_job.attempts - 1, resumptions = resumptions + 1 where id = p_job.id;
end
$$;
comment on function trading.keep_attempt is 'Has the next claim of a job go on with the present attempt and its answers.';

create function trading.calls_of_walk(p_job trading.jobs, p_action text) returns setof trading.exchange_calls
language plpgsql stable set search_path = ''
as $$
begin
  return query
    with answered as (
      select * from trading.calls_of_attempt(p_job) c where c.answered_at is not null
    )
    select * from answered a
    where a.action = p_action and a.id >= coalesce((select max(b.id) from answered b where b.action = 'balances'), 0) order by a.id;
end
$$;
comment on function trading.calls_of_walk is 'The answered calls of one action that a comparison''s present attempt has made since it asked for the balances.';

create function trading.last_check(p_account_id uuid) returns trading.account_checks
language plpgsql stable set search_path = ''
as $$
declare
  v_check trading.account_checks;
begin
  select * into v_check from trading.account_checks c where c.account_id = p_account_id order by c.id desc limit 1;
  return v_check;
end
$$;
comment on function trading.last_check is 'The newest comparison of an account; all null: there was none.';

-- An order whose fate or fills are not all known: while there is one, a difference in its assets says nothing.
create function trading.doubtful_orders(p_account_id uuid) returns setof public.orders
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select * from public.orders o
    where o.account_id = p_account_id and not o.is_paper_trade and o.finished_at is null
      and (o.state in ('submitting', 'unknown') or o.venue_executed_quantity > o.filled_quantity);
end
$$;
comment on function trading.doubtful_orders is 'Orders of an account that may have executed what the books do not show yet.';

-- What was recorded after the balances were asked for may or may not be in them.
create function trading.unsettled_assets(p_account_id uuid, p_since timestamptz) returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select unnest(array[i.base_asset, i.quote_asset]) from trading.doubtful_orders(p_account_id) d join public.instruments i on i.symbol = d.symbol
    union
    select unnest(array[i.base_asset, i.quote_asset, t.fee_asset]) from public.positions p
    join public.trades t on t.position_id = p.id and t.recorded_at >= p_since
    join public.instruments i on i.symbol = t.symbol
    where p.account_id = p_account_id and p.updated_at >= p_since
    union -- The third asset that Binance takes fees in.
    select 'BNB' where exists (select from trading.doubtful_orders(p_account_id))
    order by 1);
end
$$;
comment on function trading.unsettled_assets is 'Assets in which something of an account is unknown, or was recorded since p_since.';

-- All symbols cost 80, one costs 6. Orders with our tag in a symbol that we do not trade now are looked for hourly.
create function trading.needs_whole_book(p_job trading.jobs, p_account_id uuid, p_symbol_count int, p_now timestamptz) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return p_job.payload ->> 'cause' <> 'schedule' or p_symbol_count > 13 or not exists (
    select from trading.account_checks c where c.account_id = p_account_id and c.is_whole and c.started_at > p_now - interval '1 hour');
end
$$;
comment on function trading.needs_whole_book is 'Whether the open orders of all symbols are asked for at once.';

create function trading.involved_symbols(p_account_id uuid) returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select p.symbol from public.positions p
    where p.account_id = p_account_id and not p.is_paper_trade and p.status in ('open', 'monitoring', 'closing')
    union
    select o.symbol from public.orders o where o.account_id = p_account_id and not o.is_paper_trade and o.finished_at is null
    order by 1);
end
$$;
comment on function trading.involved_symbols is 'Symbols in which an account has positions or orders of ours.';

-- Where orders began or ended since the last comparison, where one is in doubt, and where the coins do not agree: as long as
-- coins and cash agree, no execution can be missing.
create function trading.symbols_to_audit(p_account_id uuid, p_balances jsonb, p_since timestamptz) returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select o.symbol from public.orders o
    where o.account_id = p_account_id and not o.is_paper_trade and o.permitted_at is not null
      and greatest(o.permitted_at, o.submitted_at, o.finished_at) >= coalesce(p_since, '-infinity')
    union
    select d.symbol from trading.doubtful_orders(p_account_id) d
    union
    select i.symbol from (select distinct o.symbol from public.orders o where o.account_id = p_account_id and not o.is_paper_trade) o
    join public.instruments i on i.symbol = o.symbol
    left join (select b.asset, b.free + b.locked as total from jsonb_to_recordset(p_balances) as b (asset text, free numeric, locked numeric)) b
      on b.asset = i.base_asset
    where coalesce(b.total, 0) <> trading.managed_quantity(p_account_id, i.base_asset) + coalesce(trading.outside_quantity(p_account_id, i.base_asset), 0)
    order by 1);
end
$$;
comment on function trading.symbols_to_audit is 'Symbols whose executions are asked for: every one in which something of ours happened since p_since or may be missing.';

-- A minute before the comparison that was the last to know all: executions may be shown late. Binance can be asked for twenty
-- days: an execution before that is known by its order alone, which can be asked about for ever.
create function trading.fills_since_ms(p_account_id uuid, p_symbol text, p_now timestamptz) returns bigint
language plpgsql volatile set search_path = ''
as $$
declare
  v_since timestamptz := coalesce(
    (select max(c.started_at) - interval '1 minute' from trading.account_checks c where c.account_id = p_account_id and c.unsettled_assets = '{}'),
    (select min(o.permitted_at) - interval '1 second' from public.orders o where o.account_id = p_account_id and o.symbol = p_symbol));
  v_reach timestamptz := p_now - interval '19 days';
begin
  if v_since < v_reach then
    perform trading.raise_alert(p_now, 'warning', 'fills_out_of_reach', a.user_id, 'account', p_account_id || ':' || p_symbol,
      format('Executions in %s of before %s cannot be listed any more: what the owner traded by hand until then shows in coins and cash alone.', p_symbol,
        to_char(v_reach at time zone 'UTC', 'YYYY-MM-DD HH24:MI UTC')),
      jsonb_build_object('symbol', p_symbol, 'from', v_since, 'to', v_reach))
    from trading.accounts a where a.id = p_account_id;
  end if;
  return floor(extract(epoch from trading.exchange_time(p_account_id, greatest(v_since, v_reach))) * 1000);
end
$$;
comment on function trading.fills_since_ms is 'From when on, by the exchange''s clock, executions in a symbol are asked for; alert fills_out_of_reach for what lies too far back.';

-- Executions of no order here, as far as they can be told: an order in doubt may turn out to be theirs.
create function trading.unexplained_fills(p_job trading.jobs, p_account_id uuid) returns table (symbol text, fill jsonb)
language plpgsql stable set search_path = ''
as $$
begin
  return query
    select c.symbol, f.fill from trading.calls_of_walk(p_job, 'fills') c
    cross join lateral jsonb_array_elements(c.answer -> 'fills') f (fill)
    where not exists (select from public.orders o where o.account_id = p_account_id and o.symbol = c.symbol and o.binance_order_id = f.fill ->> 'exchange_order_id')
      and not exists (select from trading.doubtful_orders(p_account_id) d where d.symbol = c.symbol)
      and not exists (select from trading.outside_moves m where m.account_id = p_account_id and m.symbol = c.symbol and m.exchange_trade_id = f.fill ->> 'trade_id')
    order by f.fill ->> 'executed_at', f.fill ->> 'trade_id' limit 100;
end
$$;
comment on function trading.unexplained_fills is 'Up to a hundred executions that this attempt was shown, that no order explains, and that were not written down before, oldest first.';

-- Whose order it was only the exchange can say: ours as well, where that was believed refused or never placed. What it said
-- stays true, whichever attempt asked.
create function trading.lookup_of_order(p_job trading.jobs, p_symbol text, p_exchange_order_id text) returns trading.exchange_calls
language plpgsql stable set search_path = ''
as $$
declare
  v_call trading.exchange_calls;
begin
  select * into v_call from trading.exchange_calls c
  where c.job_id = p_job.id and c.action = 'lookup' and c.symbol = p_symbol and c.request ->> 'exchange_order_id' = p_exchange_order_id
    and (c.outcome = 'accepted' or (c.job_attempt = p_job.attempts and c.answered_at is not null))
  order by c.id desc limit 1;
  return v_call;
end
$$;
comment on function trading.lookup_of_order is 'The answer that a comparison was given about an order by the exchange''s id; all null: it has not asked.';

create function trading.next_check_call(p_job trading.jobs, p_account_id uuid, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_balances trading.exchange_calls;
  v_symbols  text[] := trading.involved_symbols(p_account_id);
  v_symbol   text;
  v_fill     jsonb;
begin
  select * into v_balances from trading.calls_of_walk(p_job, 'balances') limit 1;
  -- After a long pause what they said is too old to be compared.
  if v_balances.id is null or v_balances.permitted_at < p_now - interval '5 minutes' then
    return trading.permit_call(p_job, p_account_id, 'balances', null, '{}', p_now);
  end if;
  if trading.needs_whole_book(p_job, p_account_id, coalesce(cardinality(v_symbols), 0), p_now) then
    v_symbols := array[null::text];
  end if;
  select s into v_symbol from unnest(v_symbols) s
  where not exists (select from trading.calls_of_walk(p_job, 'open_orders') c where c.symbol is null or c.symbol = s) limit 1;
  if found then
    return trading.permit_call(p_job, p_account_id, 'open_orders', v_symbol, '{}', p_now);
  end if;
  select s into v_symbol from unnest(trading.symbols_to_audit(p_account_id, v_balances.answer -> 'balances', (trading.last_check(p_account_id)).started_at)) s
  where not exists (select from trading.calls_of_walk(p_job, 'fills') c where c.symbol = s) limit 1;
  if found then
    return trading.permit_call(p_job, p_account_id, 'fills', v_symbol,
      jsonb_build_object('since_ms', trading.fills_since_ms(p_account_id, v_symbol, p_now)), p_now);
  end if;
  select u.symbol, u.fill into v_symbol, v_fill from trading.unexplained_fills(p_job, p_account_id) u
  where (trading.lookup_of_order(p_job, u.symbol, u.fill ->> 'exchange_order_id')).id is null limit 1;
  if found then
    return trading.permit_call(p_job, p_account_id, 'lookup', v_symbol, jsonb_build_object('exchange_order_id', v_fill -> 'exchange_order_id'), p_now);
  end if;
  return null;
end
$$;
comment on function trading.next_check_call is 'The next question of a comparison: balances, open orders, executions by symbol, orders of trades that nothing explains; null: all is asked.';

-- A symbol that the exchange has struck off its list: the rest of the account is compared all the same.
create function trading.is_symbol_refused(p_call trading.exchange_calls) returns boolean
language sql immutable
return coalesce(p_call.outcome = 'rejected' and p_call.reason = 'symbol_not_trading' and p_call.symbol is not null, false);
comment on function trading.is_symbol_refused is 'Whether the exchange refused a question because it does not know its symbol.';

create function trading.note_compared_symbols(p_job trading.jobs, p_account_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'critical', 'symbol_not_compared', a.user_id, 'account', p_account_id || ':' || r.symbol,
    format('The exchange does not know %s any more: open orders and executions in it cannot be compared, its coins are.', r.symbol),
    jsonb_build_object('symbol', r.symbol))
  from (select distinct c.symbol from unnest('{open_orders,fills}'::text[]) k cross join lateral trading.calls_of_walk(p_job, k) c
    where trading.is_symbol_refused(c)) r, trading.accounts a where a.id = p_account_id;
  update public.alerts x set resolved_at = p_now, resolved_by = 'engine'
  where x.code = 'symbol_not_compared' and x.resolved_at is null and x.subject_id like p_account_id || ':%'
    and (exists (select from trading.calls_of_walk(p_job, 'open_orders') c where c.symbol = x.detail ->> 'symbol' and c.outcome = 'accepted')
      or x.detail ->> 'symbol' <> all (trading.involved_symbols(p_account_id)));
end
$$;
comment on function trading.note_compared_symbols is 'Alerts for symbols that a comparison had to leave out, resolved when they are known again or nothing of ours is in them.';

create function trading.account_step(p_job trading.jobs, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
declare
  v_account_id uuid := (p_job.payload ->> 'account_id')::uuid;
  v_last       trading.exchange_calls := trading.last_call(p_job);
  v_next       jsonb;
begin
  if v_last.outcome <> 'accepted' and v_last.reason is distinct from 'order_not_found' and not trading.is_symbol_refused(v_last) then
    return trading.wait_for(coalesce(v_last.reason, 'venue_silent'), coalesce(v_last.message, 'the exchange did not say what the account holds'));
  end if;
  -- An execution may be shown before its order is.
  if v_last.reason = 'order_not_found' and v_last.request ? 'exchange_order_id' and p_job.attempts < 3 then
    return trading.wait_for('order_not_found', 'the exchange shows an execution, and not yet its order');
  end if;
  v_next := trading.next_check_call(p_job, v_account_id, p_now);
  if v_next is not null then
    return v_next;
  end if;
  -- What a lookup has found out makes some of the executions ours after all.
  perform trading.fold_fill_list(c, c.answer, p_now) from trading.calls_of_walk(p_job, 'fills') c
  where exists (select from trading.calls_of_walk(p_job, 'lookup'));
  return trading.conclude_account_check(p_job, v_account_id, p_now);
end
$$;
comment on function trading.account_step is 'Walks through an exchange account and compares it with the books: every asset, every open order, every execution.';

reset role;
