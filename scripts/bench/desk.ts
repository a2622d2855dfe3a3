/** The market and the AI of the benchmarks: symbols with a steady price, decisions that become market entries. */
import type { Sql } from "postgres";
import type { Instrument, Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import { applyTick, type DeskUser, hireTrader, hireUser, listInstruments } from "../lib/desk.ts";

/** A user with traders that nobody else's row uses, so that no row pays for what an earlier one left behind. */
export interface Employer {
  readonly user: DeskUser;
  readonly traderIds: readonly string[];
}

/** A decision before it is written: the AI's part is the analysis, the scanner's part is the signal. */
export interface DraftDecision {
  readonly signalId: string;
  readonly traderId: string;
  readonly symbol: string;
}

/** How many symbols decisions are spread over. */
export const SYMBOL_COUNT = 20;
/** Prices come as often as a feed's; the engine refuses an entry when the price is older than 10 s. */
const FEED_INTERVAL_MS = 1_000;
const PRICE = "100";
/** Far enough from the price for nothing to trigger. */
const LEVELS = { entry: "100", stopLoss: "80", takeProfit: ["150"] };
const TRADER_SETTINGS = { paper_trade_balance: 1_000_000, sizing_value: 50 };
const LIMITS = { max_position_quote: 100, max_exposure_quote: 500_000, max_open_positions: 2_000 };

export function symbolOf(n: number): string {
  return `B${String(n).padStart(3, "0")}USDT`;
}

/** Lists `count` symbols with filters like those of a large coin. */
export async function listSymbols(sql: Sql, count: number): Promise<void> {
  await listInstruments(sql, range(count).map(instrument));
}

/** Hires users with `tradersEach` paper traders each; `label` keeps their addresses apart. */
export async function hire(sql: Sql, label: string, users: number, tradersEach: number): Promise<Employer[]> {
  const employers: Employer[] = [];
  for (const u of range(users)) {
    const user = await hireUser(sql, `${label}-${u}@example.com`);
    const traderIds: string[] = [];
    for (const t of range(tradersEach)) {
      const trader = {
        userId: user.id,
        name: `${label} ${u}.${t}`,
        settings: TRADER_SETTINGS,
        limits: LIMITS,
      };
      traderIds.push(await hireTrader(sql, trader));
    }
    employers.push({ user, traderIds });
  }
  return employers;
}

/** `count` decisions dealt out to all traders in turn, over all symbols, with their signals already there. */
export async function draftDecisions(
  sql: Sql,
  employers: readonly Employer[],
  count: number,
): Promise<DraftDecision[]> {
  const traders = employers.flatMap(({ traderIds }) => traderIds);
  const drafts = range(count).map((n) => ({
    signalId: crypto.randomUUID(),
    traderId: traders[n % traders.length]!,
    symbol: symbolOf(n % SYMBOL_COUNT),
  }));
  await sql`
    insert into public.signals (id, trader_id, symbol)
    select r."signalId", r."traderId", r.symbol
    from jsonb_to_recordset(${
    sql.json(drafts as never)
  }) as r ("signalId" uuid, "traderId" uuid, symbol text)`;
  return drafts;
}

/** Writes the AI's decision to enter on every draft by one statement, and resolves when its commit is acknowledged. */
export async function decideAtOnce(sql: Sql, drafts: readonly DraftDecision[]): Promise<void> {
  await sql`
    insert into public.signal_analyses (signal_id, trader_id, decision, confidence, key_levels)
    select r."signalId", r."traderId", 'enter_trade', 80, ${sql.json(LEVELS)}
    from jsonb_to_recordset(${sql.json(drafts as never)}) as r ("signalId" uuid, "traderId" uuid)`;
}

/** Keeps the symbols' prices fresh, as a feed does, until it is stopped. Resolves after the first prices. */
export async function startFeed(sql: Sql): Promise<{ stop(): Promise<void> }> {
  const stopping = Promise.withResolvers<void>();
  let isStopped = false;
  const tick = (n: number) =>
    applyTick(sql, range(SYMBOL_COUNT).map((s) => steadyQuote(symbolOf(s), n, Date.now())));
  await tick(0);
  const running = (async () => {
    for (let n = 1; !isStopped; n++) {
      const timer = Promise.withResolvers<void>();
      const id = setTimeout(timer.resolve, FEED_INTERVAL_MS);
      await Promise.race([timer.promise, stopping.promise]);
      clearTimeout(id);
      if (!isStopped) await tick(n);
    }
  })();
  return {
    async stop() {
      isStopped = true;
      stopping.resolve();
      await running;
    },
  };
}

/** A quote that moves by a tick from one time to the next and triggers nothing. */
export function steadyQuote(symbol: string, n: number, observedAt: number): Quote {
  const last = n % 2 === 0 ? PRICE : "100.01";
  const ask = n % 2 === 0 ? "100.01" : "100.02";
  return {
    symbol,
    bid: last,
    bidQty: "10000",
    ask,
    askQty: "10000",
    last,
    high: last,
    low: last,
    observedAt,
    source: "synthetic",
  };
}

function instrument(n: number): Instrument {
  const symbol = symbolOf(n);
  return {
    symbol,
    status: "TRADING",
    baseAsset: symbol.replace(/USDT$/, ""),
    quoteAsset: "USDT",
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    tickSize: "0.01",
    minPrice: "0.01",
    maxPrice: "1000000",
    lotMin: "0.00001",
    lotMax: "9000",
    lotStep: "0.00001",
    marketLotMin: "0",
    marketLotMax: "0",
    marketLotStep: "0",
    minNotional: "5",
    applyMinToMarket: true,
    maxNotional: "9000000",
    applyMaxToMarket: false,
    percentPrice: {
      bidMultiplierUp: "5",
      bidMultiplierDown: "0.2",
      askMultiplierUp: "5",
      askMultiplierDown: "0.2",
      avgPriceMins: 5,
    },
    maxNumOrders: 200,
    maxNumAlgoOrders: 5,
    orderTypes: ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"],
    isSpotTradingAllowed: true,
    permissionSets: [["SPOT"]],
  };
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
