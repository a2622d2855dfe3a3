/** Everybody at once: entries of many exchange accounts in one commit, and then all their stops in one fall of the price. */
import { decide } from "../lib/desk.ts";
import { type LiveBench, startLiveFeed, STILL, until, withLiveBench } from "./live_desk.ts";
import { atMost, type BenchResult, measured } from "./result.ts";

const USERS = 20;
const LIMITS = { max_position_quote: 100, max_exposure_quote: 5_000, max_open_positions: 10 };
const LEVELS = { stopLoss: "95", takeProfit: ["150"] };
/** Below every stop. */
const FALLEN = "94";
/** What a new account holds is asked with a tenth of a minute's request weight. */
const CONNECT_TIMEOUT_MS = 300_000;
const RUSH_TIMEOUT_MS = 120_000;

/** One decision for each symbol of each of twenty accounts, at once; when all are guarded the price falls below all stops. */
export async function measureRush(log: (line: string) => void): Promise<BenchResult[]> {
  return await withLiveBench({ users: USERS, limits: LIMITS }, log, async (bench) => {
    let price = STILL;
    const feed = await startLiveFeed(bench, () => price);
    try {
      await untilCashIsKnown(bench);
      log(`  ${USERS} accounts are known`);
      const entries = await enterAll(bench);
      log(`  ${entries.open} positions stand guarded`);
      price = FALLEN;
      return [...entries.rows, ...await awaitStops(bench, entries.open)];
    } finally {
      await feed.stop();
    }
  });
}

async function untilCashIsKnown({ stack: { sql }, traders }: LiveBench): Promise<void> {
  await until(async () => {
    const [row] = await sql<{ isReady: boolean }[]>`
      select (select count(*) from trading.balances where asset = 'USDT' and bucket = 'cash') = ${traders.length}
        and not exists (select from trading.jobs where status in ('queued', 'running') and kind = 'sync')
        and (select b.tokens + r.per_second * extract(epoch from clock_timestamp() - b.refilled_at) >= r.burst
          from trading.rate_budgets b join trading.rate_rules r on r.name = b.rule where b.rule = 'request_weight') as "isReady"`;
    return row?.isReady ? true : undefined;
  }, CONNECT_TIMEOUT_MS);
}

async function enterAll(
  { stack: { sql }, symbols, traders }: LiveBench,
): Promise<{ open: number; rows: BenchResult[] }> {
  const decisions = traders.flatMap(({ traderId }) =>
    symbols.map((symbol) => ({
      signalId: crypto.randomUUID(),
      traderId,
      symbol,
      confidence: 80,
      levels: LEVELS,
    }))
  );
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
