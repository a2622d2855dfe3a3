/** A throw-away stack that trades on a real exchange account: its owner, its traders, its prices. */
import { BinanceMarket } from "../../supabase/functions/_shared/adapters/market/binance.ts";
import { quoteRow } from "../../supabase/functions/_shared/contracts/market_rows.ts";
import { Decimal } from "decimal.js";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import type { BinanceRest } from "../lib/binance_rest.ts";
import { asService, listInstruments, type TraderSettings } from "../lib/desk.ts";
import { type Baseline, readBaseline } from "../lib/exchange_comparison.ts";
import { hireLiveTrader, hireLiveUser, type LiveUser } from "../lib/live_desk.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";
import type { Connection } from "./connection.ts";
import type { Target } from "./target.ts";

/** Binance lets nothing be sold below 5 USDT; the engine sees to it that what it buys is above that with its stop. */
const LEAST_QUOTE = 5;
const FEED_INTERVAL_MS = 1_000;
const POLL_MS = 20;
const STEP_TIMEOUT_MS = 60_000;
/** Its caps bound the run: 50 USDT a position and altogether. */
const STAGE = "alpha";

/** See the top of the file. Open with {@link openFloor}; end with `close`, which leaves nothing open at the exchange. */
export class Floor {
  #quote: Quote | undefined;
  #isClosed = false;
  #feed: Promise<void> = Promise.resolve();

  constructor(
    readonly stack: ThrowawayStack,
    readonly target: Target,
    readonly rest: BinanceRest,
    readonly baseline: Baseline,
    readonly user: LiveUser,
  ) {}

  /** The newest quote of the symbol. */
  get quote(): Quote {
    if (this.#quote === undefined) throw new Error("there is no price yet");
    return this.#quote;
  }

  /** A trader with these settings, each position within the target's maximum. */
  async hire(name: string, settings: TraderSettings): Promise<string> {
    const { maxQuote } = this.target;
    return await hireLiveTrader(this.stack.sql, {
      userId: this.user.id,
      name,
      settings: { sizing_value: maxQuote, ...settings },
      limits: {
        max_position_quote: maxQuote,
        max_exposure_quote: 50,
        max_open_positions: 5,
        min_position_quote: LEAST_QUOTE,
      },
    });
  }

  /** A command as the service role would call it. */
  async command(text: string, args: readonly (string | null)[]): Promise<void> {
    await asService(this.stack.sql, (tx) => tx.unsafe(text, [...args]));
  }

  /** Waits until `look` finds something; throws with `what` when it does not. */
  async until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const deadline = performance.now() + STEP_TIMEOUT_MS;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`${what}: not within ${STEP_TIMEOUT_MS / 1_000} s`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Waits until no job is due or running. */
  async quiet(): Promise<void> {
    await this.until("the engine's work", async () => {
      const [row] = await this.stack.sql<{ is_busy: boolean }[]>`
        select exists (select from trading.jobs where status = 'running' or (status = 'queued' and due_at <= clock_timestamp())) as is_busy`;
      return row!.is_busy ? undefined : true;
    });
  }

  /** Prices once a second, from the same exchange. */
  async startFeed(): Promise<void> {
    await this.#tick();
    this.#feed = (async () => {
      while (!this.#isClosed) {
        await new Promise((resolve) => setTimeout(resolve, FEED_INTERVAL_MS));
        // A price that does not come is an old price, and an old one denies entries by itself.
        if (!this.#isClosed) await this.#tick().catch(() => {});
      }
    })();
  }

  async #tick(): Promise<void> {
    const quotes = await Promise.all(watchedWith(this.target.symbol).map((symbol) => this.#look(symbol)));
    this.#quote = quotes[0];
    const { sql } = this.stack;
    await sql`select trading.apply_prices(${sql.json(quotes.map(quoteRow) as never)})`;
  }

  /** What was traded between two looks matters to no case: stops and targets are far away and rest at the exchange. */
  async #look(symbol: string): Promise<Quote> {
    const { bidPrice, bidQty, askPrice, askQty } = await this.rest.bookTicker(symbol);
    const bid = canonical(bidPrice);
    return {
      symbol,
      bid,
      bidQty: canonical(bidQty),
      ask: canonical(askPrice),
      askQty: canonical(askQty),
      ...{ last: bid, high: bid, low: bid },
      observedAt: Date.now(),
      source: "binance",
    };
  }

  /** Sells what is open and cancels what rests, and waits until the exchange has nothing of ours. */
  async flatten(): Promise<void> {
    const { sql } = this.stack;
    const asked = new Set<string>();
    await this.until("closing everything", async () => {
      const open = await sql<
        { id: string }[]
      >`select id from public.positions where status not in ('closed', 'failed')`;
      for (const { id } of open.filter(({ id }) => !asked.has(id))) {
        asked.add(id);
        await this.command("select public.cancel_entry($1)", [id]);
        await this.command("select public.close_position($1, p_request_id => $1)", [id]);
      }
      const [left] = await sql`select from public.orders where finished_at is null limit 1`;
      return open.length === 0 && left === undefined ? true : undefined;
    });
    await this.quiet();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#feed;
  }
}

/** Connects the account to a fresh stack whose functions know where the exchange is. */
export async function openFloor(
  stack: ThrowawayStack,
  target: Target,
  { rest, uid }: Connection,
): Promise<Floor> {
  const { sql } = stack;
  const baseline = await readBaseline(rest, [target.symbol]);
  const market = new BinanceMarket({ now: Date.now, hosts: [{ source: "binance", url: target.url }] });
  await listInstruments(sql, await market.instruments(watchedWith(target.symbol)));
  const { environment, key } = target;
  const user = await hireLiveUser(sql, "owner@example.com", environment, { uid, ...key }, STAGE);
  const floor = new Floor(stack, target, rest, baseline, user);
  await floor.startFeed();
  await floor.until("the account's first comparison", async () => {
    const [row] = await sql`
      select from trading.balances where account_id = ${user.accountId} and asset = 'USDT' and bucket = 'cash' and amount > 0`;
    return row === undefined ? undefined : true;
  });
  await floor.quiet();
  return floor;
}

/** The symbol, and the one that says what a fee in BNB is worth. */
function watchedWith(symbol: string): string[] {
  return [...new Set([symbol, "BNBUSDT"])];
}

function canonical(amount: string): string {
  return new Decimal(amount).toFixed();
}
