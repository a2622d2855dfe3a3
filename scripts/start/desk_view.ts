/** The state of the desk, read from the tables and views that a frontend reads. Amounts are text, already rounded. */
import type { Sql } from "postgres";

/** An open position at the current price. */
export interface PositionLine {
  readonly symbol: string;
  readonly trader: string | null;
  readonly status: string;
  readonly quantity: string;
  readonly entry: string | null;
  readonly bid: string | null;
  readonly stop: string | null;
  readonly target: string | null;
  /** Unrealized result in USDT and in percent of the cost. */
  readonly pnl: string | null;
  readonly pnl_percent: string | null;
  readonly age_seconds: number | null;
}

/** A paper account. */
export interface AccountLine {
  readonly trader: string;
  readonly cash: string;
  readonly realized: string;
  readonly trades: number;
  readonly winning: number;
}

/** How long decisions took from the queue to the filled order, by the database's clock (ms). */
export interface Latency {
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
}

/** Everything the screen shows of the database. */
export interface DeskView {
  readonly positions: readonly PositionLine[];
  readonly openCount: number;
  readonly accounts: readonly AccountLine[];
  readonly latency: Latency;
}

const POSITIONS_SHOWN = 12;
const ACCOUNTS_SHOWN = 8;
/** Entries the latency is computed over, the newest. */
const LATENCY_WINDOW = 200;

/** Reads it with a few queries; a change between two of them shows the next time. */
export async function readDesk(sql: Sql): Promise<DeskView> {
  const [positions, openCount, accounts, latency] = await Promise.all([
    readPositions(sql),
    countOpen(sql),
    readAccounts(sql),
    readLatency(sql),
  ]);
  return { positions, openCount, accounts, latency };
}

async function countOpen(sql: Sql): Promise<number> {
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from public.position_values`;
  return row!.n;
}

async function readPositions(sql: Sql): Promise<PositionLine[]> {
  return await sql<PositionLine[]>`
    select v.symbol, t.name as trader, v.status, v.quantity, trim_scale(round(p.entry_price, 8))::text as entry, v.bid,
      trim_scale(p.stop_loss_price)::text as stop, trim_scale(p.take_profit_price)::text as target,
      round(v.unrealized_pnl::numeric, 2)::text as pnl,
      round(v.unrealized_pnl::numeric * 100 / nullif(p.cost, 0), 2)::text as pnl_percent,
      extract(epoch from trading.engine_now() - p.opened_at)::int as age_seconds
    from public.position_values v
    join public.positions p on p.id = v.position_id
    left join public.traders t on t.id = v.trader_id
    order by p.created_at desc limit ${POSITIONS_SHOWN}`;
}

async function readAccounts(sql: Sql): Promise<AccountLine[]> {
  return await sql<AccountLine[]>`
    select t.name as trader, round(b.current_balance, 2)::text as cash, round(b.total_pnl, 2)::text as realized,
      b.total_trades as trades, b.winning_trades as winning
    from public.paper_balances b join public.traders t on t.id = b.trader_id
    order by b.updated_at desc, t.name limit ${ACCOUNTS_SHOWN}`;
}

async function readLatency(sql: Sql): Promise<Latency> {
  const [row] = await sql<Latency[]>`
    select count(*)::int as count,
      round((percentile_cont(0.5) within group (order by w.ms))::numeric, 1)::float8 as p50,
      round((percentile_cont(0.95) within group (order by w.ms))::numeric, 1)::float8 as p95
    from (
      select extract(epoch from j.finished_at - j.enqueued_at) * 1000 as ms
      from trading.jobs j
      where j.kind = 'enter' and j.status = 'done' and j.outcome ->> 'outcome' = 'filled'
      order by j.id desc limit ${LATENCY_WINDOW}
    ) w`;
  return row!;
}
