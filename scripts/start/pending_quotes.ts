/** Quotes that wait for the engine: at most one a symbol, however slow the engine is. */
import { Decimal } from "decimal.js";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";

/**
 * Merges quotes of the same symbol: the newest one's book and time, the extremes of all of them. So a stop that only
 * a skipped quote touched is found nevertheless.
 */
export class PendingQuotes {
  #bySymbol = new Map<string, Quote>();

  get isEmpty(): boolean {
    return this.#bySymbol.size === 0;
  }

  /** Adds quotes that are newer than those already here. */
  add(quotes: readonly Quote[]): void {
    for (const quote of quotes) {
      const older = this.#bySymbol.get(quote.symbol);
      this.#bySymbol.set(quote.symbol, older ? merged(older, quote) : quote);
    }
  }

  /** Adds quotes that are older than those already here. */
  putBack(quotes: readonly Quote[]): void {
    for (const quote of quotes) {
      const newer = this.#bySymbol.get(quote.symbol);
      this.#bySymbol.set(quote.symbol, newer ? merged(quote, newer) : quote);
    }
  }

  /** Takes everything out. */
  take(): Quote[] {
    const quotes = [...this.#bySymbol.values()];
    this.#bySymbol = new Map();
    return quotes;
  }
}

function merged(older: Quote, newer: Quote): Quote {
  return {
    ...newer,
    high: Decimal.max(older.high, newer.high).toFixed(),
    low: Decimal.min(older.low, newer.low).toFixed(),
  };
}
