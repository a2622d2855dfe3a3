import { z } from "zod";
import { type BookTicker, BookTickers, DepthAnswer, Klines } from "../../contracts/market.ts";
import type { Depth, Instrument, Quote } from "../../domain/market/types.ts";
import { isZero } from "../../domain/market/units.ts";
import { type DepthSource, MarketError, type PolledSource } from "../../ports/market.ts";
import type { PublicClient } from "./ccxt_client.ts";
import { BINANCE_HOSTS, type BinanceHost, HostRing } from "./hosts.ts";
import { instrumentsFrom } from "./instruments.ts";
import { MAX_KLINES, type Traded, tradedIn, windowSince } from "./traded.ts";

/** A whole answer must be there within this time. */
export const DEFAULT_TIMEOUT_MS = 5_000;

/** One poll asks once per symbol; more symbols than this belong into several sources. */
export const MAX_SYMBOLS = 100;

/** Levels per side that `depth` serves at the lowest weight (5). */
export const MAX_DEPTH_LEVELS = 100;

/** Configuration of the market source; only the clock has no default. */
export interface BinanceMarketOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** In order of preference. */
  readonly hosts?: readonly BinanceHost[];
  readonly timeoutMs?: number;
  /** Told about symbols that are left out. */
  readonly log?: (line: string) => void;
}

/**
 * Request weight of one `quotes` question: one book ticker for all symbols and one kline question for each. Binance
 * allows an address 6 000 a minute, its other questions included. `trading.poll_plan` counts the same.
 */
export function pollWeight(symbolCount: number): number {
  return 4 + 2 * symbolCount;
}

/** Binance Spot's public market data, polled through CCXT without keys. */
export class BinanceMarket implements PolledSource, DepthSource {
  readonly name = "binance";
  readonly #ring: HostRing;
  readonly #now: () => number;
  readonly #log: (line: string) => void;
  /** Per symbol, up to which moment of the exchange's clock the trades are known. */
  readonly #until = new Map<string, number>();

  constructor(options: BinanceMarketOptions) {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#now = options.now;
    this.#log = options.log ?? (() => {});
    this.#ring = new HostRing(options.hosts ?? BINANCE_HOSTS, (url) => connect(url, timeoutMs), options.now);
  }

  silentMs(): number {
    return this.#ring.silentMs();
  }

  async instruments(symbols?: readonly string[]): Promise<Instrument[]> {
    const params: Record<string, string> = symbols ? { symbols: JSON.stringify(symbols) } : {};
    const { answer } = await this.#ring.ask({
      name: "exchangeInfo",
      ask: (client) => client.exchangeInfo(params),
      shape: z.unknown().transform(instrumentsFrom),
    });
    for (const { symbol, missing } of answer.unusable) {
      this.#log(`${symbol} is left out: the exchange sends no ${missing.join(" and no ")}`);
    }
    return answer.instruments;
  }

  /**
   * `observedAt` is our clock before the question was sent: the book is at least that fresh. When one symbol's
   * trades cannot be read it is left out and logged; when no symbol's can, the first failure is thrown.
   */
  async quotes(symbols: readonly string[], since?: ReadonlyMap<string, number>): Promise<Quote[]> {
    if (symbols.length === 0) return [];
    if (symbols.length > MAX_SYMBOLS) {
      throw new RangeError(`${symbols.length} symbols in one question; at most ${MAX_SYMBOLS}`);
    }
    const observedAt = this.#now();
    const { source, answer } = await this.#ring.ask({
      name: "book ticker",
      ask: (client) => client.bookTicker({ symbols: JSON.stringify(symbols) }),
      shape: BookTickers,
    });
    const open = answer.filter((book) => this.#hasMarket(book));
    const asked = open.map((book) => this.#traded(book.symbol, since?.get(book.symbol), observedAt));
    const settled = await Promise.allSettled(asked);
    const quotes = open.flatMap((book, index): Quote[] => {
      const result = settled[index]!;
      return result.status === "fulfilled" ? [quoteOf(book, result.value, observedAt, source)] : [];
    });
    this.#reportFailures(open, settled, quotes.length);
    return quotes;
  }

  async depth(symbol: string, levels: number): Promise<Depth> {
    if (!Number.isInteger(levels) || levels < 1 || levels > MAX_DEPTH_LEVELS) {
      throw new RangeError(`depth levels must be an integer from 1 to ${MAX_DEPTH_LEVELS}, not ${levels}`);
    }
    const { answer } = await this.#ring.ask({
      name: `depth of ${symbol}`,
      ask: (client) => client.depth({ symbol, limit: levels }),
      shape: DepthAnswer,
    });
    return { bids: answer.bids, asks: answer.asks };
  }

  #hasMarket(book: BookTicker): boolean {
    const open = !isZero(book.bidPrice) && !isZero(book.askPrice);
    if (!open) this.#log(`${book.symbol} is left out: no bid or no ask`);
    return open;
  }

  /**
   * What was traded since the caller's last quote, or since this source last answered. The caller's word comes
   * first: when several workers poll in turn, the memory of one is older than the last quote stored.
   */
  async #traded(symbol: string, since: number | undefined, now: number): Promise<Traded> {
    const from = since ?? this.#until.get(symbol);
    const known = tradedIn(await this.#klines(symbol, windowSince(from, now)), from !== undefined) ??
      tradedIn(await this.#klines(symbol, windowSince(undefined, now)), false);
    if (!known) {
      throw new MarketError("malformed", `klines of ${symbol}: an empty list for a symbol with a book`);
    }
    this.#until.set(symbol, known.until);
    return known;
  }

  async #klines(symbol: string, window: ReturnType<typeof windowSince>): Promise<z.infer<typeof Klines>> {
    const { answer } = await this.#ring.ask({
      name: `klines of ${symbol}`,
      ask: (client) => client.klines({ symbol, ...window }),
      shape: Klines.max(MAX_KLINES),
    });
    return answer;
  }

  #reportFailures(
    books: readonly BookTicker[],
    settled: readonly PromiseSettledResult<Traded>[],
    quoteCount: number,
  ): void {
    for (const [index, result] of settled.entries()) {
      if (result.status === "fulfilled") continue;
      if (quoteCount === 0) throw result.reason;
      this.#log(`${books[index]!.symbol} is left out: ${(result.reason as Error).message}`);
    }
  }
}

/** Loads CCXT on first use only: it costs memory and start-up time that a paper market does not need. */
async function connect(url: string, timeoutMs: number): Promise<PublicClient> {
  const { connectPublic } = await import("./ccxt_client.ts");
  return connectPublic(url, timeoutMs);
}

function quoteOf(book: BookTicker, traded: Traded, observedAt: number, source: BinanceHost["source"]): Quote {
  return {
    symbol: book.symbol,
    bid: book.bidPrice,
    bidQty: book.bidQty,
    ask: book.askPrice,
    askQty: book.askQty,
    last: traded.last,
    high: traded.high,
    low: traded.low,
    observedAt,
    source,
  };
}
