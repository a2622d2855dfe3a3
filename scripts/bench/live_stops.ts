/**
 * What the emergency stop promises at an exchange: an entry that had its permit before the halt dies within its window,
 * however long it was on its way. Binance itself refuses it then, and the exchange's own times say so.
 */
import { BinanceRest } from "../lib/binance_rest.ts";
import { asService, decide } from "../lib/desk.ts";
import { range } from "./desk.ts";
import type { LiveBench } from "./live_desk.ts";
import { atMost, type BenchResult, measured } from "./result.ts";

const ROUNDS = 10;
const BURST = 24;
const LEVELS = { stopLoss: "80", takeProfit: ["150"] };
/** Entries are held up for so long, a quarter of them each; an entry's window is two seconds. */
const DELAYS_MS = [500, 1_500, 3_000];
const DELAYED_SHARE = 0.25;
const LATEST_HALT_MS = 1_500;
const FLAT_TIMEOUT_MS = 120_000;
const POLL_MS = 50;

/** An entry as its permit and as the exchange remember it, ms since the epoch by the exchange's clock. */
interface SentEntry {
  readonly clientOrderId: string;
  readonly permittedAt: number;
  readonly windowEndsAt: number;
  readonly haltedAt: number | null;
}

/** Halts everyone in the middle of bursts of live entries whose requests are late, and reads the exchange's times. */
export async function measureLiveStops(bench: LiveBench): Promise<BenchResult[]> {
  for (const ms of DELAYS_MS) {
    await bench.simulator.admin("POST", "/faults", {
      kind: "delay_before",
      method: "POST",
      path: "/api/v3/order",
      times: null,
      probability: DELAYED_SHARE,
      ms,
    });
  }
  for (const n of range(ROUNDS)) {
    await haltInBurst(bench, LATEST_HALT_MS * n / ROUNDS);
    bench.log(`  ${n + 1} of ${ROUNDS} halts in a burst of live entries`);
  }
  await bench.simulator.clearFaults();
  return await rowsOf(bench);
}

async function haltInBurst({ stack: { sql }, traders, symbols }: LiveBench, afterMs: number): Promise<void> {
  await decide(
    sql,
    range(BURST).map((n) => ({
      signalId: crypto.randomUUID(),
      traderId: traders[n % traders.length]!.traderId,
      symbol: symbols[n % symbols.length]!,
      confidence: 80,
      levels: LEVELS,
    })),
  );
  await sleep(afterMs);
  await asService(
    sql,
    (tx) => tx`select public.stop_trading('everyone', null, 'halt_and_flatten', 'a burst')`,
  );
  const until = performance.now() + FLAT_TIMEOUT_MS;
  for (;;) {
    const [row] = await sql`
      select from trading.stop_requests where flattened_at is null
      union all select from public.orders where finished_at is null`;
    if (row === undefined) break;
    if (performance.now() > until) throw new Error("a halt was not flat in time");
    await sleep(POLL_MS);
  }
  // As the database's owner: a service does not resume.
  await sql`select public.resume_trading('everyone', p_reason => 'it is over')`;
}

async function rowsOf(bench: LiveBench): Promise<BenchResult[]> {
  const { stack: { sql }, simulator, traders, symbols } = bench;
  const sent = await sql<SentEntry[]>`
    select o.client_order_id as "clientOrderId", c.timestamp_ms::float8 as "permittedAt",
      (c.timestamp_ms + c.recv_window_ms)::float8 as "windowEndsAt",
      (select min(extract(epoch from s.halted_at))::float8 * 1000 from trading.stop_requests s where s.halted_at > c.permitted_at) as "haltedAt"
    from public.orders o join trading.call_orders l on l.order_id = o.id join trading.exchange_calls c on c.id = l.call_id
    where o.role = 'entry'`;
  const takenAt = new Map<string, number>();
  for (const { user } of traders) {
    const rest = new BinanceRest(simulator.url, user.key);
    for (const symbol of symbols) {
      for (const { clientOrderId, time } of await rest.orders(symbol)) takenAt.set(clientOrderId, time);
    }
  }
  const taken = sent.flatMap((entry) => {
    const at = takenAt.get(entry.clientOrderId);
    return at === undefined ? [] : [{ ...entry, at }];
  });
  const late = taken.filter(({ at, windowEndsAt }) => at > windowEndsAt);
  const afterHalt = taken.filter(({ at, haltedAt }) => haltedAt !== null && at > haltedAt);
  const longest = Math.max(0, ...afterHalt.map(({ at, haltedAt }) => at - haltedAt!));
  return [
    measured("live_entries_sent_around_halts", sent.length, "entries"),
    measured("live_entries_refused_or_never_there", sent.length - taken.length, "entries"),
    measured("live_entries_taken_after_their_window", late.length, "entries", atMost(0)),
    measured("live_entries_taken_after_the_halt", afterHalt.length, "entries"),
    measured("live_longest_after_the_halt", longest, "ms", atMost(2_000)),
  ];
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
