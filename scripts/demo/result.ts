/** What a demo ends with: counts, latency, books and PnL, all read back from the tables. */
import type { Sql } from "postgres";
import { checkQuietBooks } from "../lib/desk.ts";

/** The demo's answer; the names are the machine-readable contract of `--json`. */
export interface DemoResult {
  readonly scenario: string;
  readonly signals: number;
  readonly opened: number;
  readonly closed: number;
  readonly denied: number;
  /** Admitted executions that ended failed; limits that the market let expire and entries that met a halt left out. */
  readonly failed: number;
  readonly unknown: number;
  readonly unfilled: number;
  readonly error_rate_percent: number;
  readonly latency_ms: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly books: Readonly<Record<string, number>>;
  /** Sums over all positions, decimal text in USDT. */
  readonly pnl: { readonly realized: string; readonly fees: string };
  readonly market: string;
  readonly seed: number;
  readonly workers: number;
  /** What a scenario shows beyond the common figures. */
  readonly facts?: object;
}

/** Reads the result of everything that happened on the stack. */
export async function readResult(
  sql: Sql,
  run: Pick<DemoResult, "scenario" | "market" | "seed" | "workers" | "facts">,
): Promise<DemoResult> {
  await sql`select trading.seal_audit()`;
  const [counts] = await sql`
    select
      (select count(*) from public.signals where decision is not null)::int as signals,
      (select count(*) from public.positions where opened_at is not null)::int as opened,
      (select count(*) from public.positions where status = 'closed')::int as closed,
      (select count(*) from trading.risk_checks where not passed)::int as denied,
      (select count(*) from public.positions where failure_code = 'entry_unfilled')::int as unfilled,
      ((select count(*) from public.positions where status = 'failed' and failure_code not in ('entry_unfilled', 'trading_not_active'))
        + (select count(*) from trading.jobs where status = 'dead'))::int as failed,
      (select count(*) from public.orders where state = 'unknown')::int as unknown`;
  const [latency] = await sql`
    select round(percentile_cont(0.5) within group (order by ms)::numeric, 1)::float8 as p50,
      round(percentile_cont(0.95) within group (order by ms)::numeric, 1)::float8 as p95,
      round(percentile_cont(0.99) within group (order by ms)::numeric, 1)::float8 as p99
    from (
      select extract(epoch from finished_at - enqueued_at) * 1000 as ms from trading.jobs
      where kind = 'enter' and outcome ->> 'outcome' in ('filled', 'partially_filled', 'working')
    ) l`;
  const [pnl] = await sql`
    select coalesce(trim_scale(sum(realized_pnl)), 0)::text as realized, coalesce(trim_scale(sum(fees_paid)), 0)::text as fees
    from public.positions`;
  const books = await checkQuietBooks(sql);
  const { signals, opened, closed, denied, failed, unknown, unfilled } = counts as unknown as Record<
    "signals" | "opened" | "closed" | "denied" | "failed" | "unknown" | "unfilled",
    number
  >;
  const admitted = opened + failed;
  const wrong = failed + unknown + (books["positions_vs_fills"] ?? 0);
  return {
    ...run,
    signals,
    opened,
    closed,
    denied,
    failed,
    unknown,
    unfilled,
    error_rate_percent: admitted === 0 ? 0 : Math.round(wrong / admitted * 100_000) / 1_000,
    latency_ms: latency as unknown as DemoResult["latency_ms"],
    books,
    pnl: pnl as unknown as DemoResult["pnl"],
  };
}

/**
 * Whether everything is as it must be: books zero, nothing failed, unknown or left open. An entry may fail where the
 * exchange was made to fail (`mayFail`); dead jobs are among the books.
 */
export function isRight(result: DemoResult, mayFail = false): boolean {
  return Object.values(result.books).every((count) => count === 0) &&
    (mayFail || result.failed === 0) && result.unknown === 0 && result.opened === result.closed;
}
