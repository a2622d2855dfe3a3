/** A user with several traders on a busy day, written in bulk. */
import postgres from "postgres";

/** How busy the day was. */
export interface BusyDay {
  readonly open: number;
  readonly closedToday: number;
}

const TRADERS = 10;
const CLOSE_TIMEOUT_S = 2;
/** Wide enough to pass, and every rule has something to compare with. */
const LIMITS = {
  max_position_quote: 1_000,
  max_order_quote: 1_000,
  max_exposure_quote: 1_000_000,
  max_exposure_percent: 90,
  max_open_positions: 10_000,
  max_open_positions_per_symbol: 10_000,
  max_loss_per_position: 1_000,
  max_daily_loss_quote: 100_000,
  max_daily_loss_percent: 90,
  max_drawdown_percent: 90,
  max_consecutive_losses: 100,
  max_stop_distance_percent: 50,
  max_price_deviation_percent: 10,
  max_spread_percent: 5,
  min_order_interval_seconds: 1,
  cooldown_seconds: 60,
};

/**
 * Fills a migrated database that has prices with one user's portfolio and a signal of its first trader, whose id is
 * returned. `url` names the superuser: triggers that would audit each row are silenced, because no evaluation reads
 * what they write. Statistics are fresh afterwards.
 */
export async function fillBusyDay(url: string, day: BusyDay): Promise<string> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await insertDesk(tx);
      await insertPositions(tx, day.open, "open");
      await insertPositions(tx, day.closedToday, "closed");
      await insertWhatTheyLeave(tx);
    });
    await sql`vacuum analyze`;
    const [row] = await sql<{ id: string }[]>`select id from public.signals where decision = 'enter_trade'`;
    return row!.id;
  } finally {
    await sql.end({ timeout: CLOSE_TIMEOUT_S });
  }
}

async function insertDesk(tx: postgres.TransactionSql): Promise<void> {
  await tx`
    insert into public.traders (id, user_id, name, auto_execute_trades, paper_trade_balance, sizing_value)
    select md5('busy' || n)::uuid, md5('busy user')::uuid, 'busy ' || n, true, 1000000, 50 from generate_series(1, ${TRADERS}) n`;
  await tx`
    insert into trading.portfolios (id, user_id, mode, created_at)
    select trading.portfolio_id(md5('busy user')::uuid, 'paper'), md5('busy user')::uuid, 'paper', now()`;
  await tx`
    insert into trading.accounts (id, portfolio_id, user_id, trader_id, environment, created_at)
    select trading.paper_account_id(t.id, t.user_id), trading.portfolio_id(t.user_id, 'paper'), t.user_id, t.id, 'paper', now()
    from public.traders t`;
  await tx`
    insert into trading.balances (account_id, asset, bucket, amount)
    select a.id, 'USDT', b.bucket, b.amount from trading.accounts a,
      (values ('cash', 900000), ('external', -1000000)) as b (bucket, amount)`;
  const limits = tx.json(LIMITS);
  await tx`
    insert into public.risk_limits
    select (jsonb_populate_record(null::public.risk_limits, ${limits} || jsonb_build_object('id', gen_random_uuid(),
      'user_id', s.user_id, 'trader_id', s.trader_id, 'mode', s.mode, 'min_position_quote', 10, 'version', 1,
      'created_at', now(), 'updated_at', now()))).*
    from (select t.user_id, t.id as trader_id, null as mode from public.traders t
          union all select md5('busy user')::uuid, null, 'paper') s`;
  await tx`
    insert into public.signals (trader_id, symbol, decision, decision_id, decided_at, confidence, levels)
    select md5('busy1')::uuid, i.symbol, 'enter_trade', gen_random_uuid(), now(), 80,
      '{"entry": 100, "stopLoss": 90, "takeProfit": [130]}' from public.instruments i order by i.symbol limit 1`;
  await tx`update public.traders set signal_ttl_seconds = 604800`;
  await tx`update trading.settings set max_price_age_ms = 3600000`;
}

/** Ten minutes apart at most, so that none falls into another UTC day than the last ones, whatever the hour. */
async function insertPositions(tx: postgres.TransactionSql, count: number, status: string): Promise<void> {
  const isOpen = status === "open";
  await tx`
    insert into public.positions (id, user_id, trader_id, portfolio_id, account_id, symbol, status, is_paper_trade, quantity, cost,
      entry_price, entry_quantity, entry_value, entry_cost, entry_time, stop_loss_price, exit_reason, realized_pnl, created_at, opened_at,
      closed_at, updated_at)
    select md5(${status} || n)::uuid, t.user_id, t.id, trading.portfolio_id(t.user_id, 'paper'), trading.paper_account_id(t.id, t.user_id), s.symbol,
      ${status}, true, ${isOpen ? 0.5 : 0}, ${isOpen ? 50.1 : 0}, 100.2, 0.5, 50.1, 50.1, now(), 90,
      ${isOpen ? null : "stop_loss"}, ${
    isOpen ? 0 : -0.01
  }, now() - interval '10 minutes', now() - interval '10 minutes',
      case when not ${isOpen} then now() - n * interval '50 milliseconds' end, now()
    from generate_series(1, ${count}) n
    join (select t.*, row_number() over (order by t.id) - 1 as place from public.traders t) t on t.place = n % ${TRADERS}
    join (select symbol, row_number() over (order by symbol) - 1 as place, count(*) over () as count from public.instruments) s
      on s.place = n % s.count`;
}

async function insertWhatTheyLeave(tx: postgres.TransactionSql): Promise<void> {
  await tx`
    insert into trading.daily_results (scope_id, environment, day, portfolio_id, realized)
    select p.account_id, 'paper', trading.utc_day(now()) - d, p.portfolio_id, sum(p.realized_pnl)
    from public.positions p, generate_series(0, 364) d group by 1, 2, 3, 4`;
  await tx`
    insert into trading.risk_marks (scope_id, environment, scope, peak_result, peak_at, loss_streak)
    select a.id, a.environment, 'account', 10, now(), 3 from trading.accounts a
    union all select f.id, f.environment, 'portfolio', 10, now(), 3 from trading.portfolios f`;
  await tx`
    insert into trading.risk_locks (id, user_id, portfolio_id, scope_id, symbol, code, reason, until, created_at, cause)
    select gen_random_uuid(), p.user_id, p.portfolio_id, p.account_id, p.symbol, 'cooldown', 'a stop', p.closed_at + interval '10 milliseconds',
      p.closed_at, p.id
    from public.positions p where p.status = 'closed'`;
  await tx`
    insert into public.orders (id, user_id, position_id, portfolio_id, account_id, role, attempt, symbol, side, type, time_in_force,
      quantity, price, client_order_id, state, is_paper_trade, permitted_at, finished_at, created_at, updated_at)
    select md5('entry' || p.id)::uuid, p.user_id, p.id, p.portfolio_id, p.account_id, 'entry', 1, p.symbol, 'BUY', 'LIMIT', 'IOC',
      0.5, 100.2, 'e-' || replace(p.id::text, '-', ''), 'filled', true, now(), now(), now(), now()
    from public.positions p`;
  await tx`
    insert into trading.reservations (order_id, portfolio_id, account_id, side, asset, amount, per_unit, released_at)
    select o.id, o.portfolio_id, o.account_id, 'BUY', 'USDT', 0, 100.2, now() from public.orders o`;
}
