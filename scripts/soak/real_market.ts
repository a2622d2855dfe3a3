/** The market of the real load: a seeded walk that moves the exchange once a second, and that the engine is told of. */
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import { syntheticTicks } from "../../supabase/functions/_shared/domain/market/synthetic.ts";
import { applyTick } from "../lib/desk.ts";
import { type RealDesk, SYMBOLS } from "./real_desk.ts";
import { every } from "./timed_loop.ts";

const TICK_MS = 1_000;

/** See the top of the file. */
export class RealMarket {
  readonly #ticks;
  readonly #quotes = new Map<string, Quote>();

  constructor(private readonly desk: RealDesk, seed: number) {
    this.#ticks = syntheticTicks({ seed, symbols: SYMBOLS, startAt: Date.now(), periodMs: TICK_MS });
  }

  /** The newest quote of every symbol; whole after the first tick. */
  get quotes(): ReadonlyMap<string, Quote> {
    return this.#quotes;
  }

  /** Moves the exchange first, so that what the engine does of a price meets that price there. */
  async tick(): Promise<void> {
    const { value } = this.#ticks.next();
    if (!value) throw new Error("the synthetic market has ended");
    await Promise.all(value.quotes.map((quote) => this.desk.simulator.move(quote))).catch((error) => {
      throw new Error(`the exchange does not answer any more (${error.message})`);
    });
    const quotes = value.quotes.map((quote) => ({ ...quote, observedAt: Date.now() }));
    for (const quote of quotes) this.#quotes.set(quote.symbol, quote);
    await applyTick(this.desk.backend, quotes);
  }

  /** Ticks once a second until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await every(TICK_MS, signal, () => this.tick());
  }
}
