/** What the real load left behind, after everything was closed: books, exchange, alerts, positions. */
import type { Sql } from "postgres";
import { BinanceRest } from "../lib/binance_rest.ts";
import { compareAccount } from "../lib/exchange_comparison.ts";
import { type DemoResult, readResult } from "../demo/result.ts";
import { type RealDesk, SYMBOLS } from "./real_desk.ts";
import { pause } from "./timed_loop.ts";

/** An alert code with how often it was raised, and how many of them are unresolved. */
export interface AlertCount {
  readonly code: string;
  readonly severity: string;
  readonly raised: number;
  readonly unresolved: number;
}

/** An alert that somebody would have to be woken for. */
export interface CriticalAlert {
  readonly code: string;
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly raised_at: string;
  readonly resolved_by: string | null;
}

/** See the top of the file. */
export interface RealEnd {
  readonly result: DemoResult;
  readonly compared: { readonly orders: number; readonly fills: number; readonly assets: number };
  /** Where database and exchange differ, in words. */
  readonly differences: readonly string[];
  /** Assets that the simulator itself lost or invented. */
  readonly leaks: readonly string[];
  readonly alerts: readonly AlertCount[];
  /** The first critical alerts, resolved or not, in their own words. */
  readonly critical: readonly CriticalAlert[];
  /** Warnings and errors of the stack by kind. */
  readonly troubles: Readonly<Record<string, number>>;
  /** Closed positions by exit reason, of both modes. */
  readonly exits: Readonly<Record<string, number>>;
  /** Positions, orders and jobs that are not over. */
  readonly left: Readonly<Record<"positions" | "orders" | "jobs", number>>;
}

/** Reading an account again costs a good part of a minute's request weight: the next one waits so long. */
const BETWEEN_ACCOUNTS_MS = 6_000;
const CRITICAL_SHOWN = 10;

/** Reads it all; the exchange by code that shares nothing with the engine and its adapter. */
export async function readRealEnd(
  { stack, simulator, users, troubles }: RealDesk,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<RealEnd> {
  const { sql } = stack;
  const result = await readResult(sql, {
    scenario: "soak",
    market: "synthetic",
    seed: 0,
    workers: 1,
  });
  const compared = { orders: 0, fills: 0, assets: 0 };
  const differences: string[] = [];
  for (const [n, { accountId, key }] of users.entries()) {
    if (n > 0) await pause(BETWEEN_ACCOUNTS_MS, signal);
    signal.throwIfAborted();
    const one = await compareAccount(sql, accountId, new BinanceRest(simulator.url, key), SYMBOLS);
    compared.orders += one.orders;
    compared.fills += one.fills;
    compared.assets += one.assets;
    differences.push(...one.differences);
    log(`  compared account ${n + 1} of ${users.length}: ${one.differences.length} differences`);
  }
  const { leaks } = await simulator.state();
  return {
    result,
    compared,
    differences,
    leaks: Object.entries(leaks).map(([asset, amount]) => `${asset} ${amount}`),
    alerts: await readAlerts(sql),
    critical: await readCritical(sql),
    exits: await readExits(sql),
    troubles: troubles.counts,
    left: await countLeft(sql),
  };
}

/** Every code of alert that was raised. */
export async function readAlerts(sql: Sql): Promise<AlertCount[]> {
  return await sql<AlertCount[]>`
    select code, severity, sum(occurrences)::int as raised, count(*) filter (where resolved_at is null)::int as unresolved
    from public.alerts group by code, severity order by code`;
}

async function readCritical(sql: Sql): Promise<CriticalAlert[]> {
  return await sql<CriticalAlert[]>`
    select code, message, detail, created_at::text as raised_at, resolved_by from public.alerts
    where severity in ('critical', 'emergency') order by created_at, id limit ${CRITICAL_SHOWN}`;
}

async function readExits(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql<{ reason: string; n: number }[]>`
    select case when is_paper_trade then 'paper ' else 'live ' end || coalesce(exit_reason, 'none') as reason, count(*)::int as n
    from public.positions where status = 'closed' group by 1 order by 1`;
  return Object.fromEntries(rows.map(({ reason, n }) => [reason, n]));
}

async function countLeft(sql: Sql): Promise<RealEnd["left"]> {
  const [row] = await sql<{ positions: number; orders: number; jobs: number }[]>`
    select (select count(*) from public.positions where status not in ('closed', 'failed'))::int as positions,
      (select count(*) from public.orders where finished_at is null)::int as orders,
      (select count(*) from trading.jobs where status in ('queued', 'running'))::int as jobs`;
  const { positions, orders, jobs } = row!;
  return { positions, orders, jobs };
}
