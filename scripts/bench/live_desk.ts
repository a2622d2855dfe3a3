/** The market of the live benchmarks: it stands at a price, at the exchange and in the engine's quotes. */
import { Decimal } from "decimal.js";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import { BinanceMarket } from "../../supabase/functions/_shared/adapters/market/binance.ts";
import { applyTick, listInstruments } from "../lib/desk.ts";
import { hireLiveTrader, hireLiveUser, type LiveUser } from "../lib/live_desk.ts";
import { SimulatorProcess } from "../lib/simulator_process.ts";
import { startThrowawayStack, type ThrowawayStack } from "../lib/throwaway_stack.ts";
import { range } from "./desk.ts";

const SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
const DONE_TIMEOUT_MS = 30_000;
const POLL_MS = 5;
/** What a new account holds is asked with a tenth of a minute's request weight. */
const CONNECT_TIMEOUT_MS = 300_000;

/** A stack, its exchange, and who trades there. */
export interface LiveBench {
  readonly stack: ThrowawayStack;
  readonly simulator: SimulatorProcess;
  readonly symbols: readonly string[];
  readonly traders: readonly { readonly user: LiveUser; readonly traderId: string }[];
  readonly log: (line: string) => void;
}

const INTERVAL_MS = 1_000;

/** Starts a durable stack and an exchange of its own: functions are told of an exchange when they start. */
export async function withLiveBench<T>(
  { users, limits }: { readonly users: number; readonly limits: Readonly<Record<string, number>> },
  log: (line: string) => void,
  use: (bench: LiveBench) => Promise<T>,
): Promise<T> {
  const simulator = await SimulatorProcess.start(1);
  try {
    const env = { BINANCE_SIMULATOR_URL: simulator.url };
    const stack = await startThrowawayStack({ durability: "full", env });
    try {
      const source = new BinanceMarket({ now: Date.now, hosts: [{ source: "binance", url: simulator.url }] });
      await listInstruments(stack.sql, await source.instruments(SYMBOLS));
      const traders = await Promise.all(range(users).map((n) => hireTrader({ stack, simulator }, n, limits)));
      return await use({ stack, simulator, log, symbols: SYMBOLS, traders });
    } finally {
      await stack.stop();
    }
  } finally {
    await simulator.stop();
  }
}

async function hireTrader(
  { stack: { sql }, simulator }: Pick<LiveBench, "stack" | "simulator">,
  n: number,
  limits: Readonly<Record<string, number>>,
): Promise<LiveBench["traders"][number]> {
  const account = await simulator.openAccount(`bench-${n}`, { USDT: "1000000" });
  const user = await hireLiveUser(sql, `live-${n}@example.com`, "simulator", account, "general");
  const settings = { sizing_value: 50 };
  const traderId = await hireLiveTrader(sql, { userId: user.id, name: `live ${n}`, settings, limits });
  return { user, traderId };
}

/** Looks until there is something to find. Throws when that took too long. */
export async function until<T>(look: () => Promise<T | undefined>, timeoutMs = DONE_TIMEOUT_MS): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      throw new Error(`what was waited for had not come after ${timeoutMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Accounts known, comparisons done, and as much request weight as there ever is. */
export async function untilAllIsQuiet({ stack: { sql }, traders }: LiveBench): Promise<void> {
  await until(async () => {
    const [row] = await sql<{ isReady: boolean }[]>`
      select (select count(*) from trading.balances where asset = 'USDT' and bucket = 'cash') = ${traders.length}
        and not exists (select from trading.jobs where status in ('queued', 'running') and kind = 'sync' and order_id is null)
        and (select b.tokens + r.per_second * extract(epoch from clock_timestamp() - b.refilled_at) >= r.burst
          from trading.rate_budgets b join trading.rate_rules r on r.name = b.rule where b.rule = 'request_weight') as "isReady"`;
    return row?.isReady ? true : undefined;
  }, CONNECT_TIMEOUT_MS);
}

/** What every symbol costs, until somebody moves it (decimal text). */
export const STILL = "100";

/** Moves the exchange to the price, and gives the engine a fresh quote once a second until it is stopped. */
export async function startLiveFeed(
  { stack, simulator, symbols }: LiveBench,
  bid: () => string = () => STILL,
): Promise<{ stop(): Promise<void> }> {
  const tick = async () => {
    const quotes = symbols.map((symbol) => quoteOf(symbol, bid(), Date.now()));
    for (const quote of quotes) await simulator.move(quote);
    await applyTick(stack.sql, quotes);
  };
  await tick();
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) {
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
      if (!isStopped) await tick();
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

function quoteOf(symbol: string, bid: string, observedAt: number): Quote {
  return {
    symbol,
    bid,
    bidQty: "8000",
    ask: new Decimal(bid).plus("0.01").toFixed(),
    askQty: "8000",
    last: bid,
    high: bid,
    low: bid,
    observedAt,
    source: "synthetic",
  };
}
