/** A trading floor for a test file: one throw-away stack, users who are signed in, traders, prices and decisions. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Sql } from "postgres";
import { eventually } from "../../local/testing.ts";
import {
  applyTick,
  checkBooks,
  decide,
  type DeskUser,
  hireTrader,
  hireUser,
  type Limits,
  listInstruments,
  type TraderSettings,
} from "../../scripts/lib/desk.ts";
import {
  startThrowawayStack,
  type ThrowawayOptions,
  type ThrowawayStack,
} from "../../scripts/lib/throwaway_stack.ts";
import { instrumentFor } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import type { Depth, Instrument, Quote } from "../../supabase/functions/_shared/domain/market/types.ts";

/** A user of the floor with a client that is signed in as them. */
export interface FloorUser extends DeskUser {
  readonly client: SupabaseClient;
}

/** The best prices of a moment; the tick's extremes where they go beyond. */
export interface Market {
  readonly bid: string;
  readonly ask: string;
  readonly low?: string;
  readonly high?: string;
  readonly depth?: Depth;
}

/** What became of a signal: a position, or a rejection with its code. */
export interface Fate {
  readonly status: string;
  readonly code: string | null;
  readonly reason: string | null;
  readonly positionId: string | null;
}

/** Symbols every floor lists, and one that is not quoted in USDT beside them. */
const LISTED = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT"] as const;
const FINENESS = { priceDecimals: 6, quantityDecimals: 4 };
/** No test decides by a slow machine: prices stay fresh for an hour. */
const PRICE_AGE_MS = 3_600_000;
const FATE_TIMEOUT_MS = 15_000;

/** Opens a floor. `settings` are columns of `trading.settings`; slippage is off unless they say otherwise. */
export async function openFloor(
  settings: Readonly<Record<string, string | number | boolean>> = {},
  options: ThrowawayOptions = {},
): Promise<Floor> {
  const stack = await startThrowawayStack(options);
  const floor = new Floor(stack);
  await floor.configure({ max_price_age_ms: PRICE_AGE_MS, paper_slippage_max: 0, ...settings });
  await listInstruments(stack.sql, [
    ...LISTED.map((symbol) => instrumentFor(symbol)),
    instrumentFor("ETHBTC", FINENESS),
  ]);
  return floor;
}

/** See {@link openFloor}. */
export class Floor {
  #lastQuoteAt = 0;
  #users = 0;

  constructor(readonly stack: ThrowawayStack) {}

  get sql(): Sql {
    return this.stack.sql;
  }

  /** Changes settings as the installation's operator. */
  async configure(settings: Readonly<Record<string, string | number | boolean>>): Promise<void> {
    await this.sql`update trading.settings set ${this.sql(settings)}`;
  }

  /** Lists more symbols, or the same with other filters. */
  async list(...instruments: Instrument[]): Promise<void> {
    await listInstruments(this.sql, instruments);
  }

  async user(name = `user${++this.#users}`): Promise<FloorUser> {
    const user = await hireUser(this.sql, `${name}@floor.test`);
    return { ...user, client: await this.stack.signIn(user.email, user.password) };
  }

  trader(
    user: { readonly id: string },
    settings: TraderSettings = {},
    limits?: Limits | null,
  ): Promise<string> {
    const name = `trader of ${user.id}`;
    return hireTrader(this.sql, {
      userId: user.id,
      name,
      settings,
      ...(limits === undefined ? {} : { limits }),
    });
  }

  /** Applies a tick of one symbol, observed now and later than the one before it. */
  async price(symbol: string, market: Market): Promise<{ stops: number; limits: number }> {
    await eventually("a later millisecond", () => Date.now() > this.#lastQuoteAt || null);
    this.#lastQuoteAt = Date.now();
    return await applyTick(this.sql, [quoteOf(symbol, market, this.#lastQuoteAt)]);
  }

  /** A signal and its `enter_trade`, as a scanner writes them; resolves with the signal's id at once. */
  async decide(traderId: string, symbol: string, levels: object, confidence = 80): Promise<string> {
    const signalId = crypto.randomUUID();
    await decide(this.sql, [{ signalId, traderId, symbol, confidence, levels: { ...levels } }]);
    return signalId;
  }

  /** Waits until the engine has answered the signal's decision. */
  fate(signalId: string): Promise<Fate> {
    return eventually(`the fate of signal ${signalId}`, async () => {
      const [row] = await this.sql<Fate[]>`
        select s.status, s.rejection_code as code, s.rejection_reason as reason, p.id as "positionId"
          from public.signals s
          left join public.positions p on p.signal_id = s.id and p.status <> 'failed'
         where s.id = ${signalId} and (p.id is not null or s.status not in ('new', 'ready'))`;
      return row;
    }, FATE_TIMEOUT_MS);
  }

  /** Decides and waits for the position; a rejection fails with its code and words. */
  async enter(traderId: string, symbol: string, levels: object): Promise<string> {
    const { positionId, code, reason } = await this.fate(await this.decide(traderId, symbol, levels));
    if (positionId === null) throw new Error(`the entry in ${symbol} was rejected: ${code}, ${reason}`);
    return positionId;
  }

  /** Waits until a position is in a status. */
  async reached(positionId: string, status: string): Promise<void> {
    await eventually(`status ${status} of position ${positionId}`, async () => {
      const [row] = await this.sql`select status from public.positions where id = ${positionId}`;
      return row?.["status"] === status || null;
    }, FATE_TIMEOUT_MS);
  }

  /** Waits until no job is due or running. */
  async idle(): Promise<void> {
    await eventually("an empty queue", async () => {
      const [row] = await this.sql`select count(*)::int as left from trading.jobs
        where status = 'running' or (status = 'queued' and due_at <= clock_timestamp())`;
      return row?.["left"] === 0 || null;
    }, FATE_TIMEOUT_MS);
  }

  /** The names of the books that are not zero, with their counts; empty when all is right. */
  async wrongBooks(): Promise<Record<string, number>> {
    await this.idle();
    return Object.fromEntries(Object.entries(await checkBooks(this.sql)).filter(([, count]) => count !== 0));
  }

  stop(): Promise<void> {
    return this.stack.stop();
  }
}

/** A quote of a synthetic market. */
export function quoteOf(symbol: string, market: Market, observedAt: number): Quote {
  const { bid, ask, low, high, depth } = market;
  return {
    symbol,
    bid,
    ask,
    bidQty: "1000",
    askQty: "1000",
    last: bid,
    high: high ?? ask,
    low: low ?? bid,
    observedAt,
    source: "synthetic",
    ...(depth ? { depth } : {}),
  };
}
