/** What the two days in virtual time share: how long they are, what they tell, and what they come to. */
import type { Sql } from "postgres";

/** Everything happens in steps of this length: a price of each symbol, work, and every other time a sweep (ms). */
export const STEP_MS = 5_000;
/** In production a sweep comes every 2 s; here every other step. */
export const STEPS_PER_SWEEP = 2;
/** Finished audit rows are sealed; in production every 5 s. */
export const STEPS_PER_SEAL = 12;
export const HOUR_MS = 3_600_000;
export const MINUTE_MS = 60_000;

/** How a day is played. */
export interface DayOptions {
  readonly hours: number;
  readonly seed: number;
  /** Called after every step, with the share of the day that is over (0 to 1). */
  readonly afterStep: (share: number, sql: Sql) => Promise<void>;
}

/** What a day came to. */
export interface DayResult {
  readonly steps: number;
  /** Counts by name that have to be zero: broken invariants, books, what is left. */
  readonly wrong: Readonly<Record<string, number>>;
  /** The first broken invariants, in words. */
  readonly words: readonly string[];
  /** What happened, by name. */
  readonly happened: Readonly<Record<string, number>>;
  readonly alerts: Readonly<Record<string, number>>;
}

/** Positions, orders, jobs and trades of a database, and the UTC days with results. */
export async function countHappenings(sql: Sql): Promise<Record<string, number>> {
  const [row] = await sql<{ counts: Record<string, number> }[]>`
    select jsonb_build_object(
      'decisions', (select count(*) from public.signals where decision is not null),
      'positions_opened', (select count(*) from public.positions where opened_at is not null),
      'positions_closed', (select count(*) from public.positions where status = 'closed'),
      'entries_denied', (select count(*) from trading.risk_checks where not passed),
      'orders', (select count(*) from public.orders),
      'fills', (select count(*) from public.trades),
      'jobs', (select coalesce(max(id), 0) from trading.jobs),
      'exchange_calls', (select count(*) from trading.exchange_calls),
      'account_checks', (select count(*) from trading.account_checks),
      'days_with_results', (select count(distinct day) from trading.daily_results),
      'audit_seals', (select count(*) from trading.audit_seals)) as counts`;
  return row!.counts;
}

/** Unresolved alerts that are critical, by code. */
export async function readCriticalAlerts(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql<{ code: string; n: number }[]>`
    select code, count(*)::int as n from public.alerts
    where resolved_at is null and severity in ('critical', 'emergency') group by code order by code`;
  return Object.fromEntries(rows.map(({ code, n }) => [code, n]));
}

/** Removes every done job, as time would, and says how many are left that should be gone. */
export async function pruneAll(sql: Sql): Promise<number> {
  await sql`select trading.prune(interval '0')`;
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from trading.jobs where status = 'done'`;
  return row!.n;
}
