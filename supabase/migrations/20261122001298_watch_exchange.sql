-- Purpose: what is watched about exchanges: start-ups, silence, keys, unproven orders, halted symbols.
-- Locks:   ACCESS EXCLUSIVE on instruments while a column is added.

set role fillbase_engine;

-- Start-up ----------------------------------------------------------------------------------------------------------

create table trading.startups (
  id                    boolean primary key default true check (id),
  postmaster_started_at timestamptz not null,
  armed_at              timestamptz not null
);
comment on table trading.startups is 'The start of the database and the arming after which all exchange accounts were last compared.';

create table trading.exchange_contacts (
  environment  text primary key references trading.environments (environment),
  heard_at     timestamptz not null,
  silent_since timestamptz
) with (fillfactor = 50);
comment on table  trading.exchange_contacts is 'When an exchange last said anything, to ten seconds.';
comment on column trading.exchange_contacts.silent_since is 'Since when no call was answered; null: it answers.';

alter table trading.startups enable row level security;
alter table trading.exchange_contacts enable row level security;
create policy startups_select_service on trading.startups for select to service_role using (true);
create policy exchange_contacts_select_service on trading.exchange_contacts for select to service_role using (true);
revoke all on trading.startups, trading.exchange_contacts from public, anon, authenticated, service_role;
grant select on trading.startups, trading.exchange_contacts to service_role;

-- What happened at the exchange while nobody looked is found out before anything else is believed.
create function trading.note_startup(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- The upsert would write on every sweep.
  if exists (select from trading.startups u, trading.settings s
      where u.postmaster_started_at = pg_catalog.pg_postmaster_start_time() and u.armed_at = s.armed_at) then
    return;
  end if;
  insert into trading.startups as u (postmaster_started_at, armed_at)
  select pg_catalog.pg_postmaster_start_time(), s.armed_at from trading.settings s where s.armed_at is not null
  on conflict (id) do update set postmaster_started_at = excluded.postmaster_started_at, armed_at = excluded.armed_at
    where (u.postmaster_started_at, u.armed_at) <> (excluded.postmaster_started_at, excluded.armed_at);
  if found then
    perform trading.queue_account_check(k.account_id, 'startup', p_now) from trading.exchange_keys k where k.is_active;
  end if;
end
$$;
comment on function trading.note_startup is 'In the first sweep after the database was started or the installation armed: queues the comparison of every exchange account.';

-- Silence and keys --------------------------------------------------------------------------------------------------

create function trading.note_silence(p_environment text, p_reason text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_since timestamptz;
begin
  insert into trading.exchange_contacts as c (environment, heard_at, silent_since) values (p_environment, p_now, p_now)
  on conflict (environment) do update set silent_since = excluded.silent_since where c.silent_since is null;
  select c.silent_since into v_since from trading.exchange_contacts c where c.environment = p_environment;
  if v_since <= p_now - interval '1 minute' and not exists (
      select from public.alerts a where a.code = 'exchange_silent' and a.subject_id = p_environment and a.resolved_at is null) then
    perform trading.raise_alert(p_now, 'critical', 'exchange_silent', null, 'exchange', p_environment,
      'The exchange has not answered for a minute. What is asked of it is asked again; engine stops cannot sell meanwhile.',
      jsonb_build_object('since', v_since, 'reason', p_reason));
  end if;
end
$$;
comment on function trading.note_silence is 'A call was not answered: after a minute of nothing else, one alert.';

create function trading.note_heard(p_environment text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_before trading.exchange_contacts;
begin
  -- One row for all: it is touched now and then only, so that answers do not wait for each other's commits. An upsert would lock
  -- it even where its condition keeps it from writing.
  select * into v_before from trading.exchange_contacts c where c.environment = p_environment;
  if v_before.silent_since is null and v_before.heard_at >= p_now - interval '10 seconds' then
    return;
  end if;
  insert into trading.exchange_contacts as c (environment, heard_at) values (p_environment, p_now)
  on conflict (environment) do update set heard_at = excluded.heard_at, silent_since = null
    where c.silent_since is not null or c.heard_at < excluded.heard_at - interval '10 seconds';
  if v_before.silent_since is not null then
    update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
    where a.code = 'exchange_silent' and a.subject_id = p_environment and a.resolved_at is null;
  end if;
  -- One lost call among many is no silence, and has put nothing off for long.
  if v_before.silent_since < p_now - interval '5 seconds' then
    perform trading.take_up(array(
      select j.id from trading.jobs j
      where j.status = 'queued' and j.kind <> 'enter' and not j.is_paper
        and coalesce(j.last_error ->> 'cause', j.last_error ->> 'code') in ('venue_silent', 'no_answer', 'venue_error', 'unreachable', 'turned_away')
        and exists (select from trading.accounts a where a.portfolio_id = j.portfolio_id and a.environment = p_environment)), p_now);
  end if;
end
$$;
comment on function trading.note_heard is 'The exchange answered: its silence, if there was one, is over, and what has waited for that goes on at once.';

-- A key that may only read answers questions all the time; only what changes something shows that it may trade.
create function trading.proves_key(p_call trading.exchange_calls, p_refused_id bigint) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return p_call.action in ('submit', 'submit_pair', 'cancel', 'replace') or not exists (
    select from trading.exchange_calls c
    where c.id = p_refused_id and c.action in ('submit', 'submit_pair', 'cancel', 'replace') and not exists (
      select from trading.exchange_keys k where k.account_id = c.account_id and k.is_active and k.created_at >= c.permitted_at));
end
$$;
comment on function trading.proves_key is 'Whether an accepted call shows that the key may do what was refused to another call, or that was another key.';

create function trading.note_contact(p_call trading.exchange_calls, p_answer jsonb, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- Who was turned away by a firewall or a country's law has not heard the exchange.
  if p_answer ->> 'reason' in ('no_answer', 'venue_error', 'unreachable', 'turned_away') then
    perform trading.note_silence(p_call.environment,
      concat_ws(' ', p_answer ->> 'reason', case p_answer ->> 'reason' when 'turned_away' then p_answer ->> 'http_status' end), p_now);
  elsif p_answer ->> 'outcome' in ('accepted', 'rejected') then
    perform trading.note_heard(p_call.environment, p_now);
  end if;
  if p_answer ->> 'outcome' = 'accepted' and p_call.action <> 'server_time' then
    update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
    where a.code in ('exchange_key_refused', 'exchange_key_missing') and a.subject_id = p_call.account_id::text and a.resolved_at is null
      and trading.proves_key(p_call, (a.detail ->> 'call_id')::bigint);
    update trading.exchange_keys k set refused_at = null, refused_call_id = null
    where k.account_id = p_call.account_id and k.is_active and k.refused_call_id is not null and trading.proves_key(p_call, k.refused_call_id);
    if found then
      perform trading.hasten_jobs(p_call.account_id, p_now);
    end if;
  end if;
end
$$;
comment on function trading.note_contact is 'What any answer says about whether the exchange is there and takes the key.';

create function trading.tell_missing_key(p_account_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'critical', 'exchange_key_missing', a.user_id, 'account', a.id::text,
    'The exchange account has no active key, but something open: what rests there stands, but the engine sees nothing of it and cannot sell until another key is stored.')
  from trading.accounts a where a.id = p_account_id
    and not exists (select from public.alerts x where x.code = 'exchange_key_missing' and x.subject_id = a.id::text and x.resolved_at is null);
end
$$;
comment on function trading.tell_missing_key is 'Opens the alert exchange_key_missing of an account, unless it stands.';

-- Orders of an account without a key are not asked about, so that no job of theirs would tell.
create function trading.watch_keys(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.tell_missing_key(o.account_id, p_now)
  from (select distinct o.account_id from public.orders o where not o.is_paper_trade and o.finished_at is null) o
  where not trading.has_key(o.account_id);
end
$$;
comment on function trading.watch_keys is 'On each sweep: alerts for exchange accounts with open orders and no active key.';

-- A position outlives its key: what is to be done waits for another one.
create function trading.wait_for_key(p_job trading.jobs, p_account_id uuid, p_now timestamptz) returns jsonb
language plpgsql volatile set search_path = ''
as $$
begin
  if trading.is_comparison(p_job) then
    return '{"outcome": "ignored", "code": "key_unavailable"}';
  end if;
  perform trading.tell_missing_key(p_account_id, p_now);
  return trading.wait_for('key_unavailable', 'the exchange account has no active key');
end
$$;
comment on function trading.wait_for_key is 'What a job of an account without an active key does: it waits, with an alert; a comparison is left out.';

-- Without a wait for whoever takes one up: news may come in a transaction that holds much. A back-off that is over is forgotten, too.
create function trading.take_up(p_job_ids bigint[], p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  with held as (
    select j.id from trading.jobs j where j.id = any (p_job_ids) and j.status = 'queued' and j.due_at > p_now for no key update skip locked
  )
  update trading.jobs j set due_at = p_now, failures = 0 from held where j.id = held.id;
  if found then
    perform trading.ring_bell();
  end if;
end
$$;
comment on function trading.take_up is 'What these queued jobs waited for is over: they are due at once, and back off as after a first failure.';

create function trading.hasten_jobs(p_account_id uuid, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.take_up(array(
    select j.id from trading.jobs j join trading.accounts a on a.portfolio_id = j.portfolio_id
    where a.id = p_account_id and j.status = 'queued' and not j.is_paper and j.kind <> 'enter'
      and coalesce(j.last_error ->> 'cause', j.last_error ->> 'code') in ('key_unavailable', 'key_unverified', 'key_refused', 'not_permitted')), p_now);
end
$$;
comment on function trading.hasten_jobs is 'A new key is there and known, or the exchange takes a refused one again: what waited for it goes on at once.';

-- Orders and symbols ------------------------------------------------------------------------------------------------

create function trading.watch_unproven(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'critical', 'order_unproven', o.user_id, 'order', o.id::text,
    format('Nobody has known for more than five minutes whether the exchange has an order in %s. It holds what it reserved, and is asked about.', o.symbol),
    jsonb_build_object('position_id', o.position_id, 'role', o.role, 'permitted_at', o.permitted_at, 'client_order_id', o.client_order_id))
  from public.orders o
  where not o.is_paper_trade and o.finished_at is null and o.state in ('submitting', 'unknown') and o.permitted_at < p_now - interval '5 minutes'
    and not exists (select from public.alerts a where a.code = 'order_unproven' and a.subject_id = o.id::text and a.resolved_at is null);
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  from public.orders o
  where a.code = 'order_unproven' and a.resolved_at is null and o.id = a.subject_id::uuid and o.state not in ('submitting', 'unknown');
end
$$;
comment on function trading.watch_unproven is 'On each sweep: alerts for orders unknown for over five minutes, resolved when they are known.';

create function trading.watch_symbols(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'critical', 'symbol_not_trading', p.user_id, 'position', p.id::text,
    format('The exchange does not trade %s (%s): the open position cannot be sold until it does; its stop stays armed.', p.symbol, p.symbol_status),
    jsonb_build_object('symbol', p.symbol, 'status', p.symbol_status))
  from (
    -- One look for each live position: of the symbols that do not trade there are many.
    select o.id, o.user_id, o.symbol, (select i.status from public.instruments i where i.symbol = o.symbol) as symbol_status
    from public.positions o where not o.is_paper_trade and o.status in ('open', 'monitoring', 'closing')
  ) p
  where p.symbol_status <> 'TRADING'
    and not exists (select from public.alerts a where a.code = 'symbol_not_trading' and a.subject_id = p.id::text and a.resolved_at is null);
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  from public.positions p join public.instruments i on i.symbol = p.symbol
  where a.code = 'symbol_not_trading' and a.resolved_at is null and p.id = a.subject_id::uuid
    and (i.status = 'TRADING' or p.status in ('closed', 'failed'));
  -- Nobody waits for hours until the list of symbols is old. After a halt the price jumps, and the position cannot be sold before
  -- it is known to be over; a look weighs 20 of the 6000 that a minute has.
  perform trading.doubt_symbol(a.detail ->> 'symbol', p_now, case a.detail ->> 'status' when 'DELISTED' then interval '1 minute' else interval '15 seconds' end)
  from public.alerts a where a.code = 'symbol_not_trading' and a.resolved_at is null;
end
$$;
comment on function trading.watch_symbols is
  'On each sweep: alerts for live positions whose symbol is halted or delisted, resolved when it trades again; meanwhile its row is fetched every 15 s (delisted: every minute).';

-- After a halt the price jumps: nobody sits out a back-off that the halt has made long.
create function trading.take_up_symbols(p_symbols text[], p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.take_up(array(
    select j.id from trading.jobs j join public.positions p on p.id = j.position_id
    where p.symbol = any (p_symbols) and j.status = 'queued' and j.kind <> 'enter'
      and coalesce(j.last_error ->> 'cause', j.last_error ->> 'code') = 'symbol_not_trading'), p_now);
end
$$;
comment on function trading.take_up_symbols is 'These symbols trade again: what waited for that goes on at once.';

-- Once a minute at most (p_least_age), because a refusal may also stand against what we know and is right.
create function trading.doubt_symbol(p_symbol text, p_now timestamptz, p_least_age interval default '1 minute') returns boolean
language plpgsql volatile set search_path = ''
as $$
begin
  update public.instruments i set doubted_at = p_now
  where i.symbol = p_symbol and i.doubted_at is null and i.updated_at < p_now - p_least_age;
  return found;
end
$$;
comment on function trading.doubt_symbol is 'Marks what we know of a symbol as out of date, so that the next poll fetches it again; whether it was not yet.';

-- What the exchange refused although our filters let it pass: they have changed.
create function trading.doubt_filters(p_symbol text, p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  if trading.doubt_symbol(p_symbol, p_now) then
    perform trading.raise_alert(p_now, 'warning', 'filters_doubted', null, 'symbol', p_symbol,
      format('The exchange refused an order in %s that its filters, as we know them, let pass; they are fetched again.', p_symbol));
  end if;
end
$$;
comment on function trading.doubt_filters is 'Has a symbol''s filters fetched again by the next poll, with a warning.';

-- A comparison that fails again and again is silent by itself. One that nobody had a chance to make is not: it was queued late.
create function trading.watch_comparisons(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.raise_alert(p_now, 'critical', 'comparison_stalled', a.user_id, 'account', a.id::text,
    'The exchange account has not been compared with its books for too long: what happens there by other hands is not seen.',
    jsonb_build_object('since', l.started_at))
  from trading.exchange_keys k join trading.accounts a on a.id = k.account_id cross join trading.settings s
  cross join lateral (select max(c.started_at) as started_at from trading.account_checks c where c.account_id = k.account_id) l
  where k.is_active and coalesce(l.started_at, k.created_at) < p_now - interval '5 minutes' - greatest(make_interval(secs => s.account_check_idle_ms / 1000.0), interval '10 minutes')
    and (exists (select from trading.exchange_calls c where c.account_id = k.account_id and c.action = 'balances'
        and c.permitted_at > coalesce(l.started_at, k.created_at) and c.permitted_at < p_now - interval '5 minutes')
      or exists (select from trading.jobs j where j.status in ('queued', 'running') and j.kind = 'sync' and j.payload ->> 'account_id' = k.account_id::text
        -- One that waits for budget makes no attempt; it was queued by the clock on the wall.
        and (j.attempts > 20 or (j.last_error ->> 'sqlstate' = 'FB429' and j.enqueued_at < clock_timestamp() - interval '5 minutes'))))
    and not exists (select from public.alerts x where x.code = 'comparison_stalled' and x.subject_id = a.id::text and x.resolved_at is null);
  update public.alerts x set resolved_at = p_now, resolved_by = 'engine'
  where x.code in ('comparison_stalled', 'buy_refused_for_funds') and x.resolved_at is null
    and (exists (select from trading.account_checks c where c.account_id = x.subject_id::uuid and c.finished_at > x.created_at)
      or not exists (select from trading.exchange_keys k where k.account_id = x.subject_id::uuid and k.is_active));
end
$$;
comment on function trading.watch_comparisons is 'On each sweep: alerts for accounts that were not compared for a quarter of an hour although it was tried, resolved by the next comparison.';

create function trading.watch_exchange(p_now timestamptz) returns void
language plpgsql volatile set search_path = ''
as $$
begin
  perform trading.note_startup(p_now);
  perform trading.queue_due_account_checks(p_now);
  perform trading.end_blocks(p_now);
  perform trading.end_clock_alerts(p_now);
  perform trading.watch_keys(p_now);
  perform trading.watch_unproven(p_now);
  perform trading.watch_symbols(p_now);
  perform trading.watch_comparisons(p_now);
end
$$;
comment on function trading.watch_exchange is 'On each sweep: what has to be looked at about exchange accounts by itself.';

reset role;
