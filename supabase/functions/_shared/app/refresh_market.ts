/** One poll: instruments when they are old, then quotes of what matters now. */
import type { MarketSource } from "../ports/market.ts";
import type { MarketStore, TickEffect } from "../ports/market_store.ts";

/** Filters change rarely; a full list is heavy. */
export const INSTRUMENTS_MAX_AGE_MS = 6 * 60 * 60 * 1000;
/** Symbols per question; the source's own limit is the same. */
const SYMBOLS_PER_QUESTION = 100;

/** What a poll did. */
export interface RefreshSummary extends TickEffect {
  readonly asked: number;
  readonly instruments: number;
}

/** Polls `source` once at `now` (ms) and stores what it says. */
export async function refreshMarket(
  source: MarketSource,
  store: MarketStore,
  now: number,
): Promise<RefreshSummary> {
  const updatedAt = await store.instrumentsUpdatedAt();
  let instruments = 0;
  if (updatedAt === null || now - updatedAt > INSTRUMENTS_MAX_AGE_MS) {
    const all = await source.instruments();
    instruments = await store.applyInstruments(all, source.name, true);
  }
  const plan = await store.pollPlan();
  const symbols = [...plan.keys()];
  const since = new Map([...plan].flatMap(([symbol, at]) => at === undefined ? [] : [[symbol, at] as const]));
  const effect = { applied: 0, stops: 0, limits: 0 };
  for (let from = 0; from < symbols.length; from += SYMBOLS_PER_QUESTION) {
    const quotes = await source.quotes(symbols.slice(from, from + SYMBOLS_PER_QUESTION), since);
    if (quotes.length === 0) continue;
    const part = await store.applyPrices(quotes);
    effect.applied += part.applied;
    effect.stops += part.stops;
    effect.limits += part.limits;
  }
  return { asked: symbols.length, instruments, ...effect };
}
