/** A live order through the whole path: doorbell, function, engine, CCXT and the simulator as the exchange. */
import { asService, decide } from "../lib/desk.ts";
import { range } from "./desk.ts";
import { type LiveBench, startLiveFeed, until, withLiveBench } from "./live_desk.ts";
import { measureLiveStops } from "./live_stops.ts";
import { atMost, type BenchResult, measured } from "./result.ts";
import { percentile } from "./statistics.ts";

const USERS = 4;
const WARM_UP = 20;
const SAMPLES = 200;
const LIMITS = { max_position_quote: 100, max_exposure_quote: 5_000, max_open_positions: 1_000 };
const LEVELS = { stopLoss: "80", takeProfit: ["150"] };
/** What the request budgets must hold before a decision: its own time is asked for, not how fast an account may order. */
const WEIGHT = 850;
const ORDERS = 40;

/** The times of one entry, in ms; the exchange's are those between a request's leaving and its answer. */
interface Sample {
  readonly filled: number;
  readonly guarded: number;
  readonly exchange: number;
  readonly calls: number;
  readonly weight: number;
  /** Whether a job of it had to come back, as for want of request budget. */
  readonly isRetried: boolean;
}

/** The times of entries that come one by one, and of stops. */
export async function measureLive(log: (line: string) => void): Promise<BenchResult[]> {
  return await withLiveBench({ users: USERS, limits: LIMITS }, log, async (bench) => {
    const feed = await startLiveFeed(bench);
    try {
      return [...await measureEntries(bench), ...await measureLiveStops(bench)];
    } finally {
      await feed.stop();
    }
  });
}

/** One decision after the other, a worker awake; each position is closed again before its account's next one. */
async function measureEntries(bench: LiveBench): Promise<BenchResult[]> {
  const samples: Sample[] = [];
  for (const n of range(WARM_UP + SAMPLES)) {
    await untilBudget(bench);
    const sample = await enterAndLeave(bench, n);
    if (n >= WARM_UP) samples.push(sample);
    if ((n + 1) % 50 === 0) bench.log(`  ${n + 1} of ${WARM_UP + SAMPLES} live entries`);
  }
  const at = (share: number, of: (sample: Sample) => number) => percentile(samples.map(of), share);
  return [
    measured("live_own_time_to_fill_p50", at(0.5, ({ filled }) => filled), "ms", atMost(60)),
    measured("live_own_time_to_fill_p99", at(0.99, ({ filled }) => filled), "ms", atMost(250)),
    measured("live_own_time_to_protection_p50", at(0.5, ({ guarded }) => guarded), "ms"),
    measured("live_own_time_to_protection_p99", at(0.99, ({ guarded }) => guarded), "ms"),
    measured("live_exchange_time_p50", at(0.5, ({ exchange }) => exchange), "ms"),
    measured("live_calls_per_protected_entry", at(1, ({ calls }) => calls), "calls at most", atMost(3)),
    measured("live_weight_per_protected_entry", at(1, ({ weight }) => weight), "weight at most"),
    measured("live_entries_tried_again", samples.filter(({ isRetried }) => isRetried).length, "entries"),
  ];
}

async function enterAndLeave({ stack: { sql }, symbols, traders }: LiveBench, n: number): Promise<Sample> {
  const { traderId } = traders[n % traders.length]!;
  const signalId = crypto.randomUUID();
  const symbol = symbols[n % symbols.length]!;
  await decide(sql, [{ signalId, traderId, symbol, confidence: 80, levels: LEVELS }]);
  const committedAt = Date.now();
  const positionId = await until(async () => {
    const [row] = await sql<{ id: string }[]>`
      select p.id from public.positions p join trading.engine_stops s on s.position_id = p.id
      where p.signal_id = ${signalId} and p.status = 'open' and s.naked_since is null`;
    return row?.id;
  });
  const [row] = await sql<
    {
      filled: number;
      guarded: number;
      first: number;
      all: number;
      calls: number;
      weight: number;
      isRetried: boolean;
    }[]
  >`
    select
      extract(epoch from max(j.finished_at) filter (where j.kind = 'enter'))::float8 * 1000 as filled,
      extract(epoch from max(j.finished_at) filter (where j.kind = 'protect' and c.outcome = 'accepted'))::float8 * 1000 as guarded,
      sum(c.elapsed_ms) filter (where j.kind = 'enter')::float8 as first, sum(c.elapsed_ms)::float8 as all,
      count(*)::int as calls, sum(c.weight)::int as weight, bool_or(j.attempts + j.resumptions > 1) as "isRetried"
    from trading.exchange_calls c join trading.jobs j on j.id = c.job_id where c.position_id = ${positionId}`;
  const { filled, guarded, first, all, calls, weight, isRetried } = row!;
  await asService(
    sql,
    (tx) => tx`select public.close_position(${positionId}, p_request_id => ${positionId})`,
  );
  await until(async () => {
    const [open] = await sql`
      select from public.positions where id = ${positionId} and status <> 'closed'
      union all select from public.orders where position_id = ${positionId} and finished_at is null`;
    return open === undefined ? true : undefined;
  });
  return {
    filled: filled - committedAt - first,
    guarded: guarded - committedAt - all,
    exchange: all,
    calls,
    weight,
    isRetried,
  };
}

/** Resolves when the accounts' cash is known and the request budgets of all are nearly full. */
async function untilBudget({ stack: { sql }, traders }: LiveBench): Promise<void> {
  await until(async () => {
    const [row] = await sql<{ isReady: boolean }[]>`
      select (select count(*) from trading.balances where asset = 'USDT' and bucket = 'cash') = ${traders.length}
        and bool_and(b.tokens + r.per_second * extract(epoch from clock_timestamp() - b.refilled_at) >=
          case r.name when 'request_weight' then ${WEIGHT} when 'orders_10s' then ${ORDERS} else 0 end) as "isReady"
      from trading.rate_budgets b join trading.rate_rules r on r.name = b.rule`;
    return row?.isReady ? true : undefined;
  });
}
