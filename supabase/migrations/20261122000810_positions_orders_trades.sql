-- Purpose: positions, orders, trades, reservations and engine stops.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table public.positions (
  id                   uuid primary key,
  user_id              uuid not null,
  trader_id            uuid references public.traders (id) on delete set null,
  signal_id            uuid references public.signals (id) on delete set null,
  portfolio_id         uuid not null,
  account_id           uuid not null references trading.accounts (id),
  symbol               text not null,
  side                 text not null default 'long' check (side = 'long'),
  status               text not null,
  status_before_closing text,
  is_paper_trade       boolean not null,
  quantity             trading.quantity not null default 0,
  cost                 trading.amount not null default 0,
  entry_price          trading.amount,
  entry_quantity       trading.quantity not null default 0,
  entry_value          trading.amount not null default 0,
  entry_cost           trading.amount not null default 0,
  entry_time           timestamptz,
  exit_price           trading.amount,
  exit_quantity        trading.quantity not null default 0,
  exit_value           trading.amount not null default 0,
  exit_time            timestamptz,
  exit_reason          text,
  fees_paid            trading.amount not null default 0,
  is_pnl_provisional   boolean not null default false,
  realized_pnl         trading.amount not null default 0,
  realized_pnl_percent numeric,
  dust_quantity        trading.quantity not null default 0,
  dust_value           trading.amount not null default 0,
  stop_loss_price      trading.price,
  take_profit_price    trading.price,
  take_profit_prices   numeric[] not null default '{}',
  max_loss_usdt        trading.amount,
  failure_code         text,
  failure_reason       text,
  metadata             jsonb not null default '{}',
  version              bigint not null default 1,
  created_at           timestamptz not null,
  opened_at            timestamptz,
  closed_at            timestamptz,
  updated_at           timestamptz not null,
  constraint positions_closed_at_matches_status check ((status in ('closed', 'failed')) = (closed_at is not null)),
  constraint positions_opened_at_matches_status check (status in ('created', 'submitting', 'failed') or opened_at is not null),
  constraint positions_ended_holds_nothing check (status not in ('closed', 'failed') or (quantity = 0 and cost = 0)),
  constraint positions_open_has_stop check (status not in ('open', 'monitoring', 'closing') or stop_loss_price is not null),
  constraint positions_failure_explained check (status <> 'failed' or failure_code is not null),
  constraint positions_closing_remembers check (status <> 'closing' or status_before_closing is not null)
) with (fillfactor = 80);
comment on table  public.positions is 'A managed position: one per signal. Amounts are in the quote asset, quantities in the base asset.';
comment on column public.positions.status is 'One of trading.position_transitions.to_status: the guard refuses everything else, so no CHECK repeats the list.';
comment on column public.positions.portfolio_id is 'The account''s portfolio, repeated for the index of live positions.';
comment on column public.positions.quantity is 'Base asset held now, net of fees taken in it.';
comment on column public.positions.cost is 'What the held quantity cost, fees in quote included; exact, an input of PnL.';
comment on column public.positions.entry_price is 'Average of the buys, rounded to 18 decimals: shown, never an input.';
comment on column public.positions.entry_cost is 'Sum over the buys of value and fees not taken in the base asset; the denominator of the return.';
comment on column public.positions.realized_pnl is 'Net result of what was sold, and of the dust when closed.';
comment on column public.positions.realized_pnl_percent is 'realized_pnl / entry_cost, in percent; set when closed.';
comment on column public.positions.is_pnl_provisional is 'True while a fee in a third asset has no rate to the quote asset.';
comment on column public.positions.max_loss_usdt is 'Loss if all of it were sold at the stop, taker fee included; a gap can cost more.';
comment on column public.positions.metadata is 'Free for frontends and the AI; the engine decides nothing from it.';

create unique index positions_signal_id_idx on public.positions (signal_id) where status <> 'failed';
create index positions_signal_id_all_idx on public.positions (signal_id);
create index positions_user_id_idx on public.positions (user_id, created_at);
create index positions_trader_id_idx on public.positions (trader_id, created_at);
create index positions_portfolio_live_idx on public.positions (portfolio_id) where status not in ('closed', 'failed');
create index positions_account_id_idx on public.positions (account_id, created_at);

create table public.orders (
  id                uuid primary key,
  user_id           uuid not null,
  trader_id         uuid,
  signal_id         uuid,
  position_id       uuid not null references public.positions (id),
  portfolio_id      uuid not null,
  account_id        uuid not null,
  role              text not null check (role in ('entry', 'exit', 'stop_loss', 'take_profit')),
  attempt           int not null check (attempt > 0),
  level             int not null default 0,
  symbol            text not null,
  side              text not null check (side in ('BUY', 'SELL')),
  type              text not null check (type in ('MARKET', 'LIMIT', 'STOP_LOSS', 'STOP_LOSS_LIMIT', 'LIMIT_MAKER')),
  time_in_force     text not null check (time_in_force in ('GTC', 'IOC', 'FOK')),
  quantity          trading.quantity not null check (quantity > 0),
  price             trading.price,
  trigger_price     trading.price,
  client_order_id   text not null unique check (client_order_id ~ '^[a-zA-Z0-9_-]{1,36}$'),
  binance_order_id  text,
  order_list_id     text,
  state             text not null,
  status            text not null generated always as (case state
                      when 'planned' then 'created' when 'submitting' then 'created'
                      when 'working' then 'submitted' when 'abandoned' then 'cancelled'
                      when 'denied' then 'failed' when 'not_sent' then 'failed'
                      when 'rejected' then 'failed' when 'not_placed' then 'failed'
                      else state end) stored,
  venue_executed_quantity trading.quantity not null default 0,
  filled_quantity   trading.quantity not null default 0,
  avg_fill_price    trading.amount,
  total_value       trading.amount not null default 0,
  fees              trading.amount not null default 0,
  is_paper_trade    boolean not null,
  reason            text not null default '',
  error_code        text,
  error_message     text,
  state_epoch       bigint,
  permitted_at      timestamptz,
  send_by           timestamptz,
  market_at         timestamptz,
  expires_at        timestamptz,
  created_at        timestamptz not null,
  submitted_at      timestamptz,
  filled_at         timestamptz,
  finished_at       timestamptz,
  updated_at        timestamptz not null,
  version           bigint not null default 1,
  constraint orders_attempt_unique unique (position_id, role, level, attempt),
  constraint orders_limit_has_price check (type not in ('LIMIT', 'LIMIT_MAKER', 'STOP_LOSS_LIMIT') or price is not null),
  constraint orders_stop_has_trigger check ((type in ('STOP_LOSS', 'STOP_LOSS_LIMIT')) = (trigger_price is not null)),
  constraint orders_filled_within check (filled_quantity <= quantity),
  constraint orders_finished_at_matches_state check
    ((state in ('denied', 'abandoned', 'not_sent', 'filled', 'cancelled', 'expired', 'rejected', 'not_placed')) = (finished_at is not null)),
  constraint orders_permit_before_sending check (state in ('planned', 'denied', 'abandoned') or permitted_at is not null)
) with (fillfactor = 80);
comment on table  public.orders is 'Every order intent and what became of it; attempt n of a role is a new row. Amounts in quote, quantities in base.';
comment on column public.orders.position_id is 'The one foreign key: trader, signal, account, portfolio and symbol are those of the position, repeated for reading and kept when a trader goes.';
comment on column public.orders.state is 'The engine''s state: one of trading.order_transitions.to_status, which the guard enforces, so no CHECK repeats the list.';
comment on column public.orders.status is 'The state in the product''s words: created, submitted, partially_filled, filled, cancelled, expired, failed, unknown.';
comment on column public.orders.level is 'Which of several take profits, from 1; 0 elsewhere.';
comment on column public.orders.venue_executed_quantity is 'What the venue says was executed; the order is final when its fills add up to it.';
comment on column public.orders.state_epoch is 'Sum of the halt epochs under which the permit was given.';
comment on column public.orders.expires_at is 'When an unfilled limit entry times out: the market from then on does not fill it, even before its cancel is executed.';
comment on column public.orders.market_at is 'The market time a paper order is matched at: decision time plus seeded latency.';
create index orders_user_id_idx on public.orders (user_id, created_at);
-- A tick asks for the resting limits it trades through: this index answers without touching the others.
create index orders_resting_limits_idx on public.orders (symbol, side, price)
  where is_paper_trade and type = 'LIMIT' and state in ('working', 'partially_filled');

create table public.trades (
  id               uuid primary key,
  user_id          uuid not null,
  trader_id        uuid,
  position_id      uuid not null references public.positions (id),
  order_id         uuid not null references public.orders (id),
  portfolio_id     uuid not null,
  account_id       uuid not null,
  symbol           text not null,
  side             text not null check (side in ('BUY', 'SELL')),
  binance_trade_id text not null,
  price            trading.price not null,
  quantity         trading.quantity not null check (quantity > 0),
  value            trading.amount not null check (value > 0),
  fee              trading.amount not null check (fee >= 0),
  fee_asset        text not null,
  fee_quote        trading.amount,
  fee_outside      trading.amount not null default 0 check (fee_outside between 0 and fee),
  is_maker         boolean not null,
  realized_pnl     trading.amount not null default 0,
  quote_hash       text,
  is_paper_trade   boolean not null,
  executed_at      timestamptz not null,
  recorded_at      timestamptz not null,
  sequence         bigint not null generated always as identity,
  constraint trades_exchange_trade_unique unique (account_id, symbol, binance_trade_id, order_id)
);
comment on table  public.trades is 'One row per fill. value and fees are in quote where the name does not say otherwise.';
comment on column public.trades.fee_quote is 'The fee in the quote asset at the rate of that moment; null: no rate known, the PnL is provisional.';
comment on column public.trades.fee_outside is 'The part of a sell''s fee in base that was not taken from the position''s coins, but from the owner''s own: a cost, like a fee in a third asset.';
comment on column public.trades.realized_pnl is 'What this fill added to the position''s realized PnL (sells only).';
comment on column public.trades.sequence is 'Order of recording: which fill was the last one, also among fills of one moment.';
comment on column public.trades.quote_hash is 'Fingerprint of the quote a paper fill was computed from.';
create index trades_user_id_idx on public.trades (user_id, executed_at);
create index trades_position_id_idx on public.trades (position_id);
create index trades_order_id_idx on public.trades (order_id);
create index trades_portfolio_id_idx on public.trades (portfolio_id, executed_at);

create table trading.reservations (
  order_id     uuid primary key references public.orders (id),
  portfolio_id uuid not null,
  account_id   uuid not null,
  side         text not null check (side in ('BUY', 'SELL')),
  asset        text not null,
  amount       trading.amount not null check (amount >= 0),
  per_unit     trading.amount not null check (per_unit >= 0),
  released_at  timestamptz,
  constraint reservations_released_holds_nothing check (released_at is null or amount = 0)
);
comment on table  trading.reservations is 'What an order not final holds back. A fill releases its share, finality the rest.';
comment on column trading.reservations.per_unit is 'Amount released per unit of base filled: the cap price of a buy, 1 for a sell.';
create index reservations_portfolio_active_idx on trading.reservations (portfolio_id) where released_at is null;
create index reservations_account_active_idx on trading.reservations (account_id, asset) where released_at is null;

create table trading.engine_stops (
  position_id   uuid primary key references public.positions (id),
  symbol        text not null,
  trigger_price trading.price not null,
  armed_at      timestamptz not null,
  fired_at      timestamptz
);
comment on table  trading.engine_stops is 'The armed stop of every open quantity, from the commit that records its first fill to the one that closes it.';
comment on column trading.engine_stops.fired_at is 'Set while the exit it caused is under way; null again if coins are left.';
create index engine_stops_armed_idx on trading.engine_stops (symbol, trigger_price) where fired_at is null;

reset role;
