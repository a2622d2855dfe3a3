/** Everybody at once: entries of many exchange accounts in one commit, all their stops in one fall, limits that fill together. */
import { decide } from "../lib/desk.ts";
import { hireLiveTrader } from "../lib/live_desk.ts";
import { type LiveBench, startLiveFeed, STILL, until, untilAllIsQuiet, withLiveBench } from "./live_desk.ts";
import { atMost, type BenchResult, measured } from "./result.ts";

const USERS = 20;
const LIMITS = { max_position_quote: 100, max_exposure_quote: 5_000, max_open_positions: 10 };
const LEVELS = { stopLoss: "95", takeProfit: ["150"] };
/** Below every stop. */
const FALLEN = "94";
/** Limits that the next fall reaches, and such as it leaves alone: they rest, and are asked about all the while. */
const NEAR = { entry: "93", stopLoss: "90", takeProfit: ["150"] };
const FAR = { entry: "85", stopLoss: "80", takeProfit: ["150"] };
/** Below the near limits, above their stops. */
const DEEPER = "92.9";
const PATIENCE_SECONDS = 900;
const RUSH_TIMEOUT_MS = 120_000;

/**
 * One decision for each symbol of each of twenty accounts, at once; when all are guarded the price falls below all stops.
 * Then a limit for each symbol of each account rests below the market, with another one far below it, until the price
 * falls through the near ones.
 */
export async function measureRush(log: (line: string) => void): Promise<BenchResult[]> {
  return await withLiveBench({ users: USERS, limits: LIMITS }, log, async (bench) => {
    let price = STILL;
    const feed = await startLiveFeed(bench, () => price);
    try {
      await untilAllIsQuiet(bench);
      log(`  ${USERS} accounts are known`);
      const entries = await enterAll(bench);
      log(`  ${entries.open} positions stand guarded`);
      price = FALLEN;
      const stops = await awaitStops(bench, entries.open);
      const resting = await restLimits(bench);
      log(`  ${resting} limits rest`);
      await untilAllIsQuiet(bench);
      price = DEEPER;
      return [...entries.rows, ...stops, ...await awaitLimits(bench, resting / 2)];
    } finally {
      await feed.stop();
    }
  });
}

function decisionsOf(traderId: string, symbols: readonly string[], levels: typeof LEVELS) {
  return symbols.map((symbol) => ({
    signalId: crypto.randomUUID(),
    traderId,
    symbol,
    confidence: 80,
    levels,
  }));
}

async function enterAll(
  { stack: { sql }, symbols, traders }: LiveBench,
): Promise<{ open: number; rows: BenchResult[] }> {
  const decisions = traders.flatMap(({ traderId }) => decisionsOf(traderId, symbols, LEVELS));
  const beganAt = performance.now();
  await decide(sql, decisions);
  await until(async () => {
    const [row] = await sql<{ isDone: boolean }[]>`
      select not exists (select from public.signals where status = 'ready') and not exists (
          select from trading.engine_stops where naked_since is not null)
        and not exists (select from trading.jobs where status in ('queued', 'running') and kind in ('enter', 'protect')) as "isDone"`;
    return row?.isDone ? true : undefined;
  }, RUSH_TIMEOUT_MS);
  const took = performance.now() - beganAt;
  const [row] = await sql<{ open: number; naked: number }[]>`
    select (select count(*)::int from public.positions where status = 'open') as open,
      (select percentile_cont(0.99) within group (order by extract(epoch from ended_at - began_at))::float8 * 1000
        from trading.naked_moments) as naked`;
  return {
    open: row!.open,
    rows: [
      measured("rush_entries_lost", decisions.length - row!.open, `of ${decisions.length}`, atMost(0)),
      measured("rush_until_all_are_guarded", took, "ms"),
      measured("rush_naked_p99", row!.naked, "ms", atMost(1_000)),
    ],
  };
}

async function awaitStops({ stack: { sql } }: LiveBench, open: number): Promise<BenchResult[]> {
  const beganAt = performance.now();
  const [before] = await sql<
    { id: string }[]
  >`select coalesce(max(id), 0)::text as id from trading.exchange_calls`;
  let mostWorkers = 0;
  await until(async () => {
    const [row] = await sql<{ left: number; workers: number }[]>`
      select (select count(*)::int from public.positions where status <> 'closed') as left,
        (select count(distinct worker)::int from trading.jobs where status = 'running') as workers`;
    mostWorkers = Math.max(mostWorkers, row!.workers);
    return row!.left === 0 ? true : undefined;
  }, RUSH_TIMEOUT_MS);
  const took = performance.now() - beganAt;
  const [row] = await sql<{ weight: number; alerts: number }[]>`
    select sum(weight)::int as weight, (select count(*)::int from public.alerts where severity = 'critical') as alerts
    from trading.exchange_calls where id > ${before!.id}`;
  return [
    measured("rush_until_all_stops_are_booked", took, "ms"),
    measured("rush_weight_per_stop", row!.weight / open, "weight"),
    measured("rush_workers", mostWorkers, "at most"),
    measured("rush_critical_alerts", row!.alerts, "alerts"),
  ];
}

/** Has a second trader of each account place its near limits and a third one its far ones; returns how many rest. */
async function restLimits({ stack: { sql }, symbols, traders }: LiveBench): Promise<number> {
  const settings = { sizing_value: 50, entry_order_type: "limit", entry_timeout_seconds: PATIENCE_SECONDS };
  const placed = await Promise.all(traders.map(async ({ user }, n) => {
    const near = await hireLiveTrader(sql, { userId: user.id, name: `near ${n}`, settings, limits: LIMITS });
    const far = await hireLiveTrader(sql, { userId: user.id, name: `far ${n}`, settings, limits: LIMITS });
    return [...decisionsOf(near, symbols, NEAR), ...decisionsOf(far, symbols, FAR)];
  }));
  const decisions = placed.flat();
  await decide(sql, decisions);
  await until(async () => {
    const [row] = await sql<{ resting: number }[]>`
      select count(*)::int as resting from public.orders where role = 'entry' and state = 'working'`;
    return row!.resting === decisions.length ? true : undefined;
  }, RUSH_TIMEOUT_MS);
  return decisions.length;
}

/** Until all that the fall has filled is guarded; how long each position had no stop counts from its fill at the exchange. */
async function awaitLimits({ stack: { sql } }: LiveBench, filled: number): Promise<BenchResult[]> {
  const [before] = await sql<
    { id: string }[]
  >`select coalesce(max(id), 0)::text as id from trading.naked_moments`;
  const beganAt = performance.now();
  await until(async () => {
    const [row] = await sql<{ guarded: number }[]>`
      select count(*)::int as guarded from public.positions p join trading.engine_stops s on s.position_id = p.id
      where p.status = 'open' and s.naked_since is null`;
    return row!.guarded === filled ? true : undefined;
  }, RUSH_TIMEOUT_MS);
  const took = performance.now() - beganAt;
  const [row] = await sql<{ p50: number; p99: number }[]>`
    select percentile_cont(0.5) within group (order by m.ms)::float8 as p50, percentile_cont(0.99) within group (order by m.ms)::float8 as p99
    from (select extract(epoch from ended_at - began_at) * 1000 as ms from trading.naked_moments where id > ${
    before!.id
  }) m`;
  return [
    measured("rush_until_all_limits_are_guarded", took, "ms"),
    measured("rush_limits_naked_p50", row!.p50, "ms"),
    measured("rush_limits_naked_p99", row!.p99, "ms"),
  ];
}
