-- Purpose: what a tick reached while somebody else held its row: a tick waits for no row, and forgets nothing.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- A tick marks rows that commands about money lock as well. If it waited for them, one transaction that holds one row (an
-- operator's, a frozen backend's) would stop the prices of every symbol. A crossing of one tick may be the only one there ever is
-- (a wick), so what is passed over is kept here. Only ticks write here, one at a time; so nothing here is ever waited
-- for, and there is no foreign key, whose check would lock the very rows that may be held.
create table trading.held_crossings (
  kind        text not null check (kind in ('stop', 'target', 'order')),
  subject_id  uuid not null,
  level       int not null default 0 check ((level > 0) = (kind = 'target')),
  price       trading.price check ((price is null) = (kind = 'order')),
  reached_at  timestamptz not null,
  primary key (kind, subject_id, level)
);
comment on table  trading.held_crossings is
  'Engine stops and targets (of a position), and marks of orders at an exchange, that a tick reached while another transaction held their row. Taken up by the first tick that gets the row; dropped where that has become needless.';
comment on column trading.held_crossings.price is
  'The worst price of a stop''s ticks since, the best one of a target''s: whoever held the row may have moved the level beyond it.';
comment on column trading.held_crossings.reached_at is 'Stops and targets: the market''s time of the first such tick. Orders: the engine''s time of the last one.';
alter table trading.held_crossings enable row level security;
create policy held_crossings_select_service on trading.held_crossings for select to service_role using (true);
revoke all on trading.held_crossings from public, anon, authenticated, service_role;
grant select on trading.held_crossings to service_role;

reset role;
