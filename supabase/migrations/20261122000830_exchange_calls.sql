-- Purpose: every call to an exchange with its answer, and what is known of orders and holdings there.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.exchange_calls (
  id             bigint generated always as identity primary key,
  account_id     uuid not null references trading.accounts (id),
  environment    text not null,
  job_id         bigint not null,
  job_attempt    int not null,
  position_id    uuid,
  order_id       uuid,
  action         text not null check (action in ('submit', 'submit_pair', 'cancel', 'replace', 'check_order', 'lookup', 'fills', 'open_orders', 'balances', 'server_time')),
  symbol         text,
  request        jsonb not null,
  weight         int not null,
  orders         int not null default 0,
  timestamp_ms   bigint not null,
  recv_window_ms int not null check (recv_window_ms between 1 and 60000),
  permitted_at   timestamptz not null,
  send_by        timestamptz not null,
  opened_at      timestamptz,
  outcome        text check (outcome in ('accepted', 'rejected', 'not_sent', 'unknown')),
  reason         text,
  code           int,
  message        text,
  http_status    int,
  used_weight    int,
  order_count_10s int,
  sent_at        timestamptz,
  elapsed_ms     numeric,
  answer         jsonb,
  answered_at    timestamptz,
  constraint exchange_calls_answered_whole check ((outcome is null) = (answered_at is null))
);
comment on table  trading.exchange_calls is 'Every call to an exchange: permitted in one commit, answered in another. Without an answer nobody knows whether it was made. Holds no secret.';
comment on column trading.exchange_calls.order_id is 'The order that is placed (of a pair: its stop), cancelled or asked about.';
comment on column trading.exchange_calls.orders is 'New orders that it drew from the request budget: those that it places, or the one that is to follow what it cancels.';
comment on column trading.exchange_calls.timestamp_ms is 'Exchange''s time that the request is stamped with.';
comment on column trading.exchange_calls.send_by is 'After it the call is dropped unsent, and the exchange refuses it.';
comment on column trading.exchange_calls.opened_at is 'When the key was opened for it, once; before that nothing of it can have left (the exchange''s time is asked without a key).';
comment on column trading.exchange_calls.answer is 'What the venue said, parsed (trading.answer_call).';
create index exchange_calls_job_id_idx on trading.exchange_calls (job_id, id);
create index exchange_calls_order_id_idx on trading.exchange_calls (order_id, id) where order_id is not null;
create index exchange_calls_questions_idx on trading.exchange_calls (id) where action in ('check_order', 'lookup', 'fills', 'open_orders', 'balances', 'server_time');
create index exchange_calls_missed_idx on trading.exchange_calls (answered_at) where reason = 'window_over';
create index exchange_calls_account_id_idx on trading.exchange_calls (account_id, permitted_at);

create table trading.call_orders (
  order_id uuid primary key references public.orders (id),
  call_id  bigint not null references trading.exchange_calls (id)
);
comment on table trading.call_orders is 'Which call places an order. The primary key is the promise that an attempt is sent at most once in its life.';
create index call_orders_call_id_idx on trading.call_orders (call_id);

create table trading.venue_orders (
  order_id       uuid primary key references public.orders (id),
  venue_status   text,
  asked_at       timestamptz,
  reached_at     timestamptz,
  owed_at        timestamptz,
  fenced_at      timestamptz
) with (fillfactor = 70);
comment on table  trading.venue_orders is 'What is known of an order at an exchange besides its row in orders.';
comment on column trading.venue_orders.venue_status is 'The status the exchange last said; fills that come later are folded under it.';
comment on column trading.venue_orders.reached_at is 'When a tick last was at its price; null: never.';
comment on column trading.venue_orders.owed_at is
  'The last such tick that no answer speaks of yet: a question is owed, wherever the price has gone since. Null: none.';
create index venue_orders_owed_idx on trading.venue_orders (order_id) where owed_at is not null;
comment on column trading.venue_orders.fenced_at is 'Since when an unknown sell can no longer be waiting there: its window was over and the matching engine knew of none to cancel.';

create table trading.engine_targets (
  position_id  uuid not null references public.positions (id),
  level        int not null check (level > 0),
  symbol       text not null,
  price        trading.price not null,
  is_at_venue  boolean not null default false,
  fired_at     timestamptz,
  primary key (position_id, level)
);
comment on table  trading.engine_targets is 'Take profits of live positions. Those that do not rest at the exchange are sold at market when the bid reaches them.';
create index engine_targets_armed_idx on trading.engine_targets (symbol, price) where fired_at is null and not is_at_venue;

create table trading.naked_moments (
  id          bigint generated always as identity primary key,
  position_id uuid not null references public.positions (id),
  began_at    timestamptz not null,
  ended_at    timestamptz not null,
  cause       text not null
);
comment on table trading.naked_moments is 'How long a live position stood without a stop at the exchange: its engine stop was armed all the time.';
create index naked_moments_position_id_idx on trading.naked_moments (position_id);

alter table trading.engine_stops add column naked_since timestamptz, add column naked_cause text;
comment on column trading.engine_stops.naked_since is 'Since when a live position has no stop at the exchange; null: it rests there, or the position is on paper.';
create index engine_stops_naked_idx on trading.engine_stops (naked_since) where naked_since is not null;

create table trading.exchange_balances (
  account_id  uuid not null references trading.accounts (id),
  asset       text not null,
  free        trading.quantity not null,
  locked      trading.quantity not null,
  observed_at timestamptz not null,
  primary key (account_id, asset)
);
comment on table trading.exchange_balances is 'What an exchange account held when it was last asked.';

do $$
declare
  v_table text;
begin
  foreach v_table in array '{exchange_calls,call_orders,venue_orders,engine_targets,naked_moments,exchange_balances}'::text[] loop
    execute format('alter table trading.%I enable row level security', v_table);
    execute format('create policy %I on trading.%I for select to service_role using (true)', v_table || '_select_service', v_table);
    execute format('revoke all on trading.%I from public, anon, authenticated, service_role', v_table);
    execute format('grant select on trading.%I to service_role', v_table);
  end loop;
end
$$;

alter table trading.settings
  add column venue_stop_grace_ms  int not null default 3000 check (venue_stop_grace_ms between 0 and 60000),
  add column order_poll_ms        int not null default 5000 check (order_poll_ms between 250 and 600000),
  add column protection_poll_ms   int not null default 30000 check (protection_poll_ms between 250 and 600000),
  add column clock_max_age_ms     int not null default 300000 check (clock_max_age_ms between 1000 and 3600000),
  add column absence_quiet_ms     int not null default 60000 check (absence_quiet_ms between 1000 and 3600000);
comment on column trading.settings.venue_stop_grace_ms is 'How long a crossed stop at the exchange may take to fill before the engine sells at market.';
comment on column trading.settings.order_poll_ms is 'How often an entry that rests at the exchange is asked about; protection_poll_ms: a stop or target.';
comment on column trading.settings.absence_quiet_ms is 'How long after its window an unknown entry must stay unfound before it counts as never placed.';

reset role;
