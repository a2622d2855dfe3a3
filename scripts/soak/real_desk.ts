/** Who trades during the real load: users with an exchange account, each with a live trader and one on paper. */
import { Decimal } from "decimal.js";
import postgres from "postgres";
import { randomFor } from "../../supabase/functions/_shared/domain/market/prng.ts";
import { BinanceMarket } from "../../supabase/functions/_shared/adapters/market/binance.ts";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import { seededId } from "../demo/scanner.ts";
import { type Decision, hireTrader, listInstruments } from "../lib/desk.ts";
import { hireLiveTrader, hireLiveUser, type LiveUser } from "../lib/live_desk.ts";
import { SimulatorProcess } from "../lib/simulator_process.ts";
import { startThrowawayStack, type ThrowawayStack } from "../lib/throwaway_stack.ts";
import { pause } from "./timed_loop.ts";
import { Troubles } from "./troubles.ts";

/** What the simulator lists and the synthetic market knows. */
export const SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT", "DOGEUSDT"] as const;
/** Binance lets five stops of a symbol rest on an account and the engine keeps one slot free: far from 6 x 4. */
const POSITIONS_PER_TRADER = 5;
const LIMITS = { max_position_quote: 100, max_exposure_quote: 5_000, max_open_positions: 100 };
const POSITION_QUOTE = 50;
const BALANCE = "100000";
/** Levels this far from the market, in millionths: some are reached within the life of a position, some are not. */
const LEVEL_PPM = { live: { least: 3_000, span: 9_000 }, paper: { least: 1_500, span: 4_000 } };
const BACKEND_CONNECTIONS = 4;
const CASH_TIMEOUT_MS = 60_000;
const POLL_MS = 200;
/** The discard port, where nobody answers. */
const NOWHERE = "http://127.0.0.1:9";

/** A stack with an exchange, and who trades there. */
export interface RealDesk {
  readonly stack: ThrowawayStack;
  readonly simulator: SimulatorProcess;
  /** The AI's backend and the users' hands: sessions of their own. */
  readonly backend: postgres.Sql;
  readonly users: readonly LiveUser[];
  readonly liveTraderIds: readonly string[];
  readonly paperTraderIds: readonly string[];
  readonly troubles: Troubles;
}

/** Starts everything, hands it to `use`, and ends everything, also when the start fails half-way. */
export async function withRealDesk<T>(
  options: { readonly positions: number; readonly seed: number; readonly log: (line: string) => void },
  signal: AbortSignal,
  use: (desk: RealDesk) => Promise<T>,
): Promise<T> {
  const cleanups: (() => Promise<unknown>)[] = [];
  const troubles = new Troubles(options.log);
  try {
    const simulator = await SimulatorProcess.start(options.seed);
    cleanups.push(() => simulator.stop());
    signal.throwIfAborted();
    const env = {
      BINANCE_SIMULATOR_URL: simulator.url,
      BINANCE_TESTNET_URL: NOWHERE,
      BINANCE_PRODUCTION_URL: NOWHERE,
    };
    const stack = await startThrowawayStack({ durability: "full", env, log: (line) => troubles.hear(line) });
    cleanups.push(() => stack.stop());
    signal.throwIfAborted();
    const backend = postgres(stack.database.url, { max: BACKEND_CONNECTIONS, onnotice: () => {} });
    cleanups.push(() => backend.end({ timeout: 1 }));
    return await use({
      stack,
      simulator,
      backend,
      troubles,
      ...await hireAll(stack, simulator, options, signal),
    });
  } finally {
    for (const cleanup of cleanups.reverse()) {
      // What is gone already, by the same Ctrl-C for instance, is what was wanted; the rest must end all the same.
      await cleanup().catch((error) => {
        if (!signal.aborted) options.log(`  while ending: ${error.message}`);
      });
    }
  }
}

async function hireAll(
  { sql }: ThrowawayStack,
  simulator: SimulatorProcess,
  { positions, seed }: { positions: number; seed: number },
  signal: AbortSignal,
): Promise<Pick<RealDesk, "users" | "liveTraderIds" | "paperTraderIds">> {
  const source = new BinanceMarket({ now: Date.now, hosts: [{ source: "binance", url: simulator.url }] });
  await listInstruments(sql, await source.instruments(SYMBOLS));
  const users: LiveUser[] = [];
  const liveTraderIds: string[] = [];
  const paperTraderIds: string[] = [];
  const count = Math.ceil(positions / (2 * POSITIONS_PER_TRADER));
  for (let n = 0; n < count && !signal.aborted; n++) {
    const account = await simulator.openAccount(`soak-${n}`, { USDT: BALANCE });
    const user = await hireLiveUser(sql, `soak-${n}@example.com`, "simulator", account, "general");
    users.push(user);
    const common = { userId: user.id, limits: LIMITS };
    const settings = { sizing_value: POSITION_QUOTE };
    liveTraderIds.push(
      await hireLiveTrader(sql, { ...common, id: seededId(seed, "live", n), name: `live ${n}`, settings }),
    );
    paperTraderIds.push(
      await hireTrader(sql, {
        ...common,
        id: seededId(seed, "paper", n),
        name: `paper ${n}`,
        settings: { ...settings, paper_trade_balance: 100_000 },
      }),
    );
    // One after the other: what a new account is asked takes a tenth of a minute's request weight.
    await untilCashIsKnown(sql, user.accountId, signal);
  }
  return { users, liveTraderIds, paperTraderIds };
}

/** An account that has just been connected is asked for its cash; before that it denies every entry. */
async function untilCashIsKnown(
  sql: postgres.Sql,
  accountId: string,
  signal: AbortSignal,
): Promise<void> {
  const until = performance.now() + CASH_TIMEOUT_MS;
  for (;;) {
    signal.throwIfAborted();
    const [known] = await sql`
      select from trading.balances where account_id = ${accountId} and asset = 'USDT' and bucket = 'cash' and amount > 0`;
    if (known !== undefined) return;
    if (performance.now() > until) {
      throw new Error("an exchange account's cash was not known within a minute");
    }
    await pause(POLL_MS, signal);
  }
}

/** The n-th decision of a seed: the traders take turns, and each goes from symbol to symbol. Pure. */
export function soakDecision(
  seed: number,
  kind: "live" | "paper",
  n: number,
  traderIds: readonly string[],
  quotes: ReadonlyMap<string, Quote>,
): Decision {
  const random = randomFor(seed, kind, n);
  const at = n % traderIds.length;
  const symbol = SYMBOLS[(Math.floor(n / traderIds.length) + at) % SYMBOLS.length]!;
  const { least, span } = LEVEL_PPM[kind];
  const ask = quotes.get(symbol)!.ask;
  const level = (sign: number) =>
    new Decimal(ask).mul(1_000_000 + sign * (least + random.below(span)))
      .div(1_000_000).toDecimalPlaces(8).toFixed();
  return {
    signalId: seededId(seed, kind, "signal", n),
    analysisId: seededId(seed, kind, "analysis", n),
    traderId: traderIds[at]!,
    symbol,
    confidence: 80,
    levels: { entry: ask, stopLoss: level(-1), takeProfit: [level(1)] },
  };
}
