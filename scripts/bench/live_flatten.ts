/** Everything of everybody sold by one stop: several positions of one account share each asset, while entries rest. */
import { decide } from "../lib/desk.ts";
import { hireLiveTrader } from "../lib/live_desk.ts";
import { range } from "./desk.ts";
import { type LiveBench, startLiveFeed, until, untilAllIsQuiet, withLiveBench } from "./live_desk.ts";
import { atMost, type BenchResult, measured } from "./result.ts";

const USERS = 12;
/** Traders of one account that each hold every symbol; with those who wait they take every stop the exchange has room for. */
const HOLDERS = 3;
/** Traders of one account whose limits rest in every symbol. */
const WAITERS = 1;
const LIMITS = { max_position_quote: 100, max_exposure_quote: 5_000, max_open_positions: 10 };
const HELD = { stopLoss: "95", takeProfit: ["150"] };
const RESTING = { entry: "85", stopLoss: "80", takeProfit: ["150"] };
const PATIENCE_SECONDS = 900;
const FILL_TIMEOUT_MS = 120_000;
const FLATTEN_TIMEOUT_MS = 120_000;

/** Positions and resting entries of twelve accounts, then one stop of everyone that flattens. */
export async function measureFlatten(log: (line: string) => void): Promise<BenchResult[]> {
  return await withLiveBench({ users: USERS, limits: LIMITS }, log, async (bench) => {
    const feed = await startLiveFeed(bench);
    try {
      await untilAllIsQuiet(bench);
      const { held, resting } = await fillBooks(bench);
      log(`  ${held} positions stand guarded, ${resting} entries rest`);
      await untilAllIsQuiet(bench);
      return await flatten(bench);
    } finally {
      await feed.stop();
    }
  });
}

/** Has every trader of every account decide for each symbol; resolves when all are guarded or rest. */
async function fillBooks(
  { stack: { sql }, symbols, traders }: LiveBench,
): Promise<{ held: number; resting: number }> {
  const settings = { sizing_value: 50 };
  const patient = { ...settings, entry_order_type: "limit", entry_timeout_seconds: PATIENCE_SECONDS };
  const hired = await Promise.all(traders.flatMap(({ user, traderId }, n) => [
    Promise.resolve({ traderId, levels: HELD }),
    ...range(HOLDERS - 1).map(async (m) => ({
      traderId: await hireLiveTrader(sql, {
        userId: user.id,
        name: `holds ${n} ${m}`,
        settings,
        limits: LIMITS,
      }),
      levels: HELD,
    })),
    ...range(WAITERS).map(async (m) => ({
      traderId: await hireLiveTrader(sql, {
        userId: user.id,
        name: `waits ${n} ${m}`,
        settings: patient,
        limits: LIMITS,
      }),
      levels: RESTING,
    })),
  ]));
  await decide(
    sql,
    hired.flatMap(({ traderId, levels }) =>
      symbols.map((symbol) => ({ signalId: crypto.randomUUID(), traderId, symbol, confidence: 80, levels }))
    ),
  );
  const resting = hired.filter(({ levels }) => levels === RESTING).length * symbols.length;
  const held = hired.length * symbols.length - resting;
  await until(async () => {
    const [row] = await sql<{ held: number; resting: number }[]>`
      select (select count(*)::int from public.positions p join trading.engine_stops s on s.position_id = p.id
          where p.status = 'open' and p.quantity > 0 and s.naked_since is null) as held,
        (select count(*)::int from public.orders where role = 'entry' and state = 'working') as resting`;
    return row!.held === held && row!.resting === resting ? true : undefined;
  }, FILL_TIMEOUT_MS);
  return { held, resting };
}

async function flatten({ stack: { sql } }: LiveBench): Promise<BenchResult[]> {
  const [stop] = await sql<{ id: string; call: string }[]>`
    select s.answer ->> 'stop_id' as id, (select coalesce(max(id), 0)::text from trading.exchange_calls) as call
    from (select public.stop_trading('everyone', p_mode => 'halt_and_flatten', p_reason => 'a measurement') as answer) s`;
  const { id, call } = stop!;
  await until(async () => {
    const [row] = await sql<{ isDone: boolean }[]>`
      select flattened_at is not null as "isDone" from trading.stop_requests where id = ${id}`;
    return row!.isDone ? true : undefined;
  }, FLATTEN_TIMEOUT_MS);
  const [row] = await sql<{ settled: number; flat: number; over: number; checks: number; naked: number }[]>`
    with moments as (
      select extract(epoch from m.ended_at - m.began_at) as seconds from trading.naked_moments m, trading.stop_requests r
      where r.id = ${id} and m.began_at > r.halted_at
    )
    select extract(epoch from r.settled_at - r.halted_at)::float8 as settled, extract(epoch from r.flattened_at - r.halted_at)::float8 as flat,
      (select count(*)::int from trading.exchange_calls c where c.id > ${call} and c.reason = 'window_over') as over,
      (select count(*) filter (where c.action = 'check_order') / count(distinct c.position_id)::float8
        from trading.exchange_calls c join trading.jobs j on j.id = c.job_id where c.id > ${call} and j.kind = 'exit') as checks,
      (select coalesce(percentile_cont(0.99) within group (order by m.seconds), 0)::float8 * 1000 from moments m) as naked
    from trading.stop_requests r where r.id = ${id}`;
  return [
    measured("live_flatten_until_settled", row!.settled, "s"),
    measured("live_flatten_until_flat", row!.flat, "s"),
    measured("live_flatten_window_over", row!.over, "calls"),
    measured("live_flatten_test_orders", row!.checks, "of a sale"),
    measured("live_flatten_naked_p99", row!.naked, "ms", atMost(1_000)),
  ];
}
