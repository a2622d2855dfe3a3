import { pollWeight } from "../../supabase/functions/_shared/adapters/market/binance.ts";
import type { Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import { MarketError, type MarketSource } from "../../supabase/functions/_shared/ports/market.ts";
import { type Sleep, sleepReal } from "./pacing.ts";

/** How a source is polled. */
export interface PollOptions {
  readonly symbols: readonly string[];
  readonly everyMs: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Told once when polling begins to fail and once when it works again. */
  readonly log: (line: string) => void;
  readonly sleep?: Sleep;
}

/** Of the 6 000 weight a minute that Binance allows an address, polling takes at most this much. */
const WEIGHT_PER_MINUTE = 1_200;

const DEFAULT_POLL_MS = 2_000;

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/** Time between polls (ms) that keeps within the share of Binance's weight limit. */
export function pollEveryMs(symbolCount: number): number {
  return Math.max(DEFAULT_POLL_MS, Math.ceil((pollWeight(symbolCount) * 60_000) / WEIGHT_PER_MINUTE));
}

/**
 * A source's quotes as a stream, one tick a poll. A failing source gives no ticks, so its prices grow old for those
 * who read them; it is asked again after 1 s, 2 s, … 30 s, or when it said it may be. Ends when the signal aborts.
 */
export async function* polled(
  source: MarketSource,
  options: PollOptions,
): AsyncGenerator<Tick, void, undefined> {
  const sleep = options.sleep ?? sleepReal;
  let failures = 0;
  while (!options.signal.aborted) {
    const startedAt = options.now();
    let waitMs: number;
    try {
      const quotes = await source.quotes(options.symbols);
      if (options.signal.aborted) return;
      if (failures > 0) options.log(`${source.name} answers again after ${failures} failed polls`);
      failures = 0;
      if (quotes.length > 0) yield { at: startedAt, quotes };
      waitMs = options.everyMs - (options.now() - startedAt);
    } catch (error) {
      if (!(error instanceof MarketError)) throw error;
      failures++;
      if (failures === 1) options.log(`no prices: ${error.message}`);
      waitMs = Math.max(retryAfter(failures), error.retryAfterMs ?? 0);
    }
    if (waitMs > 0) await sleep(waitMs, options.signal);
  }
}

function retryAfter(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS);
}
