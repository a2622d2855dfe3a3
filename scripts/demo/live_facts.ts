/** What the Binance venue shows beyond the common result: calls, weight, naked moments, own time, and whether books and exchange agree. */
import type { Sql } from "postgres";
import { BinanceRest } from "../lib/binance_rest.ts";
import { compareAccount } from "../lib/exchange_comparison.ts";
import type { LiveUser } from "../lib/live_desk.ts";
import type { SimulatorProcess } from "../lib/simulator_process.ts";

/** Milliseconds over some samples; null: there was none. */
interface Spread {
  readonly count: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** The machine-readable facts of `deno task demo --venue binance --json`. */
export interface LiveFacts {
  /** How often the exchange was asked, by action and outcome: `{"submit": {"accepted": 120}}`. */
  readonly exchange_calls: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Requests that a fault hit, by its kind. */
  readonly faults_met: Readonly<Record<string, number>>;
  /** Market entries, from their submission until their protection rested, and what that took of the exchange. */
  readonly protected_market_entries: number;
  readonly calls_per_market_entry: { readonly mean: number | null; readonly max: number | null };
  readonly weight_per_market_entry: { readonly mean: number | null; readonly max: number | null };
  readonly naked_ms: Spread;
  /** Positions whose stop and target the market had not reached when it ended: closed by hand (`close_position`). */
  readonly closed_by_hand: number;
  /**
   * From the decision to the recorded answer of its entry, without the time that the exchange took: of entries whose
   * job was taken up once.
   */
  readonly own_entry_ms: Spread;
  /** Entries whose job was taken up again: without faults, because the request budget was spent. */
  readonly entries_that_waited_for_budget: number;
  /** From the decision until the protection rests, of entries whose two jobs were taken up once each. */
  readonly own_protection_ms: Spread;
  readonly protections_that_waited_for_budget: number;
  readonly alerts: Readonly<Record<string, number>>;
  readonly compared: {
    readonly accounts: number;
    readonly orders: number;
    readonly fills: number;
    readonly assets: number;
  };
  /** Where database and exchange differ, in words. */
  readonly differences: readonly string[];
  /** Assets that the simulator itself lost or invented. */
  readonly simulator_leaks: readonly string[];
}

/** Whether database and exchange tell the same story, and it was one of trades. */
export function isExchangeRight({ compared, differences, simulator_leaks }: LiveFacts): boolean {
  return differences.length === 0 && simulator_leaks.length === 0 && compared.fills > 0;
}

/** Reads the facts of everything that happened, after the last position was closed and the faults were taken away. */
export async function readLiveFacts(
  sql: Sql,
  simulator: SimulatorProcess,
  users: readonly LiveUser[],
  symbols: readonly string[],
): Promise<LiveFacts> {
  const compared = await Promise.all(
    users.map(({ accountId, key }) =>
      compareAccount(sql, accountId, new BinanceRest(simulator.url, key), symbols)
    ),
  );
  const sum = (of: (one: (typeof compared)[number]) => number) =>
    compared.reduce((total, one) => total + of(one), 0);
  const { leaks } = await simulator.state();
  const hits = (await simulator.requests()).flatMap(({ fault }) => fault ?? []);
  return {
    exchange_calls: await callsByOutcome(sql),
    faults_met: countBy(hits),
    ...await readEntries(sql),
    naked_ms: spreadOf(await nakedMoments(sql)),
    closed_by_hand: await closedByHand(sql),
    alerts: countBy((await sql<{ code: string }[]>`select code from public.alerts`).map(({ code }) => code)),
    compared: {
      accounts: compared.length,
      orders: sum(({ orders }) => orders),
      fills: sum(({ fills }) => fills),
      assets: sum(({ assets }) => assets),
    },
    differences: compared.flatMap(({ differences }) => differences),
    simulator_leaks: Object.entries(leaks).map(([asset, amount]) => `${asset} ${amount}`),
  };
}

async function callsByOutcome(sql: Sql): Promise<LiveFacts["exchange_calls"]> {
  const rows = await sql<{ action: string; outcomes: Record<string, number> }[]>`
    select action, jsonb_object_agg(outcome, n order by outcome) as outcomes from (
      select action, case when outcome is null then 'unanswered' when reason is null then outcome else outcome || ': ' || reason end as outcome,
        count(*)::int as n
      from trading.exchange_calls group by 1, 2
    ) c group by action order by action`;
  return Object.fromEntries(rows.map(({ action, outcomes }) => [action, outcomes]));
}

interface EntryRow {
  readonly calls: number;
  readonly weight: number;
  readonly entry_ms: number;
  readonly has_entry_waited: boolean;
  readonly protection_ms: number;
  readonly has_protection_waited: boolean;
}

/**
 * Market entries that opened a position whose first stop rests: every call about the position up to the one that placed
 * the stop. The jobs' end is the moment just before the commit that records it.
 */
async function readEntries(sql: Sql) {
  const rows = await sql<EntryRow[]>`
    with placed as (
      select o.position_id, e.id as entry_id, min(l.call_id) as guard_call
      from public.orders o join trading.call_orders l on l.order_id = o.id
      join trading.exchange_calls c on c.id = l.call_id and c.outcome = 'accepted'
      join public.orders e on e.position_id = o.position_id and e.role = 'entry' and e.time_in_force = 'IOC'
      where o.role = 'stop_loss' group by 1, 2
    )
    select count(c.id)::int as calls, sum(c.weight)::int as weight,
      extract(epoch from entry.finished_at - entry.enqueued_at)::float8 * 1000
        - coalesce(sum(c.elapsed_ms) filter (where c.order_id = p.entry_id), 0)::float8 as entry_ms,
      entry.attempts > 1 as has_entry_waited, -- An entry begins each attempt anew.
      extract(epoch from guard.finished_at - entry.enqueued_at)::float8 * 1000 - sum(c.elapsed_ms)::float8 as protection_ms,
      entry.attempts + guard.attempts > 2 or guard.resumptions > 0 as has_protection_waited
    from placed p
    join trading.jobs entry on entry.id = (select min(c.job_id) from trading.exchange_calls c where c.order_id = p.entry_id)
    join trading.jobs guard on guard.id = (select c.job_id from trading.exchange_calls c where c.id = p.guard_call)
    join trading.exchange_calls c on c.position_id = p.position_id and c.id <= p.guard_call
    group by p.position_id, p.entry_id, entry.id, guard.id`;
  const entries = rows.filter((row) => !row.has_entry_waited);
  const protections = rows.filter((row) => !row.has_protection_waited);
  return {
    protected_market_entries: rows.length,
    calls_per_market_entry: meanAndMax(rows.map(({ calls }) => calls)),
    weight_per_market_entry: meanAndMax(rows.map(({ weight }) => weight)),
    own_entry_ms: spreadOf(entries.map(({ entry_ms }) => entry_ms)),
    entries_that_waited_for_budget: rows.length - entries.length,
    own_protection_ms: spreadOf(protections.map(({ protection_ms }) => protection_ms)),
    protections_that_waited_for_budget: rows.length - protections.length,
  };
}

async function nakedMoments(sql: Sql): Promise<number[]> {
  const rows = await sql<{ ms: number }[]>`
    select extract(epoch from ended_at - began_at)::float8 * 1000 as ms from trading.naked_moments`;
  return rows.map(({ ms }) => ms);
}

async function closedByHand(sql: Sql): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n from public.positions where status = 'closed' and exit_reason = 'manual'`;
  return row!.n;
}

function spreadOf(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: rounded(sorted.at(-1)) };
}

function meanAndMax(samples: readonly number[]): { mean: number | null; max: number | null } {
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  return {
    mean: samples.length === 0 ? null : Math.round(mean * 100) / 100,
    max: samples.length === 0 ? null : Math.max(...samples),
  };
}

function rounded(sample: number | undefined): number | null {
  return sample === undefined ? null : Math.round(sample * 10) / 10;
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
