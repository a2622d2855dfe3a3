/** What both worlds share: users' commands, the AI's writes and the rows, over a migrated database in virtual time. */
import type { Sql } from "postgres";
import { asService, decide, listInstruments } from "../../scripts/lib/desk.ts";
import type { Instrument } from "../../supabase/functions/_shared/domain/market/types.ts";
import { quoteRow } from "../../supabase/functions/_shared/contracts/market_rows.ts";
import { quoteOf } from "../integration/floor.ts";
import { readRows, type Rows } from "./rows.ts";
import {
  type Book,
  DEEP,
  type Hiring,
  INTERMISSION_MS,
  type Levels,
  OPENING,
  SWEEP_MS,
  type Trader,
  type World,
} from "./world.ts";

/** Prices stay fresh and the book of a quote is remembered for the longest scenario: the feed speaks when it is told to. */
const SETTINGS = {
  max_price_age_ms: 3_600_000,
  quote_retention_ms: 600_000,
  paper_slippage_max: 0,
  paper_taker_fee: "0.001",
  paper_maker_fee: "0.001",
};

/** A market sale that has to be tried again is done by then. */
const TIDY_MS = 60_000;

export abstract class DeskWorld implements World {
  abstract readonly venue: "paper" | "binance";
  #scene = 0;
  #decisions = 0;
  #traders: Trader[] = [];
  readonly #positions = new Map<string, { readonly trader: Trader; readonly symbol: string }>();

  constructor(readonly sql: Sql) {}

  abstract now(): number;
  abstract hire(hiring?: Hiring): Promise<Trader>;
  abstract settle(): Promise<void>;
  /** Time goes by, and nobody does anything. */
  protected abstract wait(ms: number): Promise<void>;
  /** The market outside of the engine. */
  protected abstract moveMarket(symbol: string, book: Book): void;
  /** What the exchange lists now. */
  protected abstract listed(): Promise<readonly Instrument[]>;
  protected abstract setListing(symbol: string, status: "TRADING" | "HALT"): void;
  abstract [Symbol.asyncDispose](): Promise<void>;

  async open(): Promise<void> {
    await this.sql`update trading.settings set ${this.sql(SETTINGS)}`;
    await listInstruments(this.sql, await this.listed());
    await this.sql`select trading.sweep()`;
  }

  async begin(): Promise<void> {
    this.#scene++;
    this.#decisions = 0;
    this.#traders = [];
    await this.wait(INTERMISSION_MS);
    await this.#openMarkets();
  }

  async end(): Promise<void> {
    await this.#openMarkets();
    for (const trader of this.#traders) await this.stop(trader, "halt_and_flatten");
    await this.settle();
    const [left] = await this.sql`
      select count(*)::int as count from public.positions where status not in ('closed', 'failed')`;
    if (left!["count"] > 0) await this.pass(TIDY_MS);
  }

  async #openMarkets(): Promise<void> {
    for (const [symbol, [bid, ask]] of Object.entries(OPENING)) {
      await this.setStatus(symbol, "TRADING");
      await this.price(symbol, bid, ask);
    }
  }

  /** A name for the next trader, the same in every world. */
  protected nextName(): { readonly id: string; readonly email: string } {
    const n = this.#traders.length + 1;
    return { id: this.#numbered("a", n), email: `trader${n}@scene${this.#scene}.test` };
  }

  protected hired(trader: Trader): Trader {
    this.#traders.push(trader);
    return trader;
  }

  price(symbol: string, bid: string, ask = bid): Promise<void> {
    return this.book(symbol, { bids: [[bid, DEEP]], asks: [[ask, DEEP]] });
  }

  async book(symbol: string, book: Book): Promise<void> {
    await this.wait(1);
    this.moveMarket(symbol, book);
    const { bids, asks, shown = [bids[0]![0], asks[0]![0]] } = book;
    const [bid, ask] = shown;
    const quote = quoteOf(symbol, { bid, ask, low: bid, high: bid, depth: { bids, asks } }, this.now());
    await this.sql`select trading.apply_prices(${this.sql.json([quoteRow(quote)] as never)})`;
  }

  async decide(trader: Trader, symbol: string, levels: Levels): Promise<string> {
    const n = ++this.#decisions;
    const signalId = this.#numbered("b", n);
    this.#positions.set(signalId, { trader, symbol });
    const decision = {
      signalId,
      analysisId: this.#numbered("c", n),
      traderId: trader.id,
      symbol,
      confidence: 80,
      levels,
    };
    await decide(this.sql, [decision]);
    return signalId;
  }

  async decideAgain(signalId: string, decision: "enter_trade" | "wait", levels: Levels = {}): Promise<void> {
    const row = {
      id: this.#numbered("c", ++this.#decisions),
      signal_id: signalId,
      trader_id: this.#positions.get(signalId)!.trader.id,
      decision,
      confidence: 80,
      key_levels: this.sql.json(levels as never),
    };
    await this.sql`insert into public.signal_analyses ${this.sql(row)}`;
  }

  async close(signalId: string, quantity?: string): Promise<void> {
    const id = await this.#positionOf(signalId);
    await asService(this.sql, (tx) => tx`select public.close_position(${id}, ${quantity ?? null})`);
  }

  async cancelEntry(signalId: string): Promise<void> {
    const id = await this.#positionOf(signalId);
    await asService(this.sql, (tx) => tx`select public.cancel_entry(${id})`);
  }

  async #positionOf(signalId: string): Promise<string> {
    const [row] = await this.sql`
      select id from public.positions where signal_id = ${signalId} order by created_at desc limit 1`;
    if (row === undefined) throw new Error("This signal has no position.");
    return row["id"];
  }

  async stop(trader: Trader, mode: "halt" | "halt_and_flatten"): Promise<void> {
    await this.#asOwner(trader, "select public.stop_trading('user', $1, $2, 'a scenario')", [
      trader.userId,
      mode,
    ]);
  }

  async resume(trader: Trader): Promise<void> {
    await this.#asOwner(trader, "select public.resume_trading('user', $1, 'a scenario', true)", [
      trader.userId,
    ]);
  }

  async #asOwner(trader: Trader, command: string, args: string[]): Promise<void> {
    const claims = JSON.stringify({ sub: trader.userId, role: "authenticated" });
    await this.sql.begin(async (tx) => {
      await tx`select set_config('request.jwt.claims', ${claims}, true)`;
      await tx.unsafe(command, args);
    });
  }

  async setStatus(symbol: string, status: "TRADING" | "HALT"): Promise<void> {
    this.setListing(symbol, status);
    await listInstruments(this.sql, await this.listed());
  }

  async pass(ms: number): Promise<void> {
    const until = this.now() + ms;
    while (this.now() < until) {
      await this.wait(Math.min(SWEEP_MS, until - this.now()));
      await this.sql`select trading.sweep()`;
      await this.settle();
    }
  }

  rows(): Promise<Rows> {
    return readRows(this.sql, this.#traders.map(({ userId }) => userId));
  }

  #numbered(kind: "a" | "b" | "c", n: number): string {
    return `${kind.repeat(8)}-0000-4000-8000-${String(this.#scene * 1_000 + n).padStart(12, "0")}`;
  }
}
