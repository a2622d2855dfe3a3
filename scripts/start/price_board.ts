/** What the scanner sees of the market: the newest quote of each symbol and how it moved lately. */
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";

/** A symbol as a scanner looks at it. */
export interface SymbolView {
  readonly quote: Quote;
  /** Change over the remembered time, as a fraction of the price. */
  readonly trend: number;
  /** Standard deviation of the change from one sample to the next, as a fraction of the price. */
  readonly volatility: number;
}

/** Samples of a symbol's price are at least this far apart (ms), and at most this many are kept. */
const SAMPLE_MS = 1_000;
const SAMPLES = 60;
/** With fewer there is nothing to tell. */
const LEAST_SAMPLES = 5;

/** Remembers a minute of prices. Floating point throughout: it feeds guesses, never an amount. */
export class PriceBoard {
  readonly #quotes = new Map<string, Quote>();
  readonly #samples = new Map<string, { at: number; price: number }[]>();

  see(quotes: readonly Quote[]): void {
    for (const quote of quotes) {
      this.#quotes.set(quote.symbol, quote);
      const samples = this.#samples.get(quote.symbol) ?? [];
      if (quote.observedAt < (samples.at(-1)?.at ?? -Infinity) + SAMPLE_MS) continue;
      samples.push({ at: quote.observedAt, price: parseFloat(quote.last) });
      if (samples.length > SAMPLES) samples.shift();
      this.#samples.set(quote.symbol, samples);
    }
  }

  /** Symbols that have been watched long enough, in the order they were first seen. */
  get symbols(): readonly string[] {
    return [...this.#samples].filter(([, samples]) => samples.length >= LEAST_SAMPLES).map(([symbol]) =>
      symbol
    );
  }

  view(symbol: string): SymbolView | null {
    const quote = this.#quotes.get(symbol);
    const prices = (this.#samples.get(symbol) ?? []).map(({ price }) => price);
    if (!quote || prices.length < LEAST_SAMPLES) return null;
    const moves = prices.slice(1).map((price, i) => price / prices[i]! - 1);
    const mean = moves.reduce((sum, move) => sum + move, 0) / moves.length;
    const variance = moves.reduce((sum, move) => sum + (move - mean) ** 2, 0) / moves.length;
    return { quote, trend: prices.at(-1)! / prices[0]! - 1, volatility: Math.sqrt(variance) };
  }
}
