/** One poll: its plan, instruments when they are old, then quotes of what matters now. */
import type { Instrument } from "../domain/market/types.ts";
import type { PolledSource } from "../ports/market.ts";
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

/** A list of instruments that can be had again. */
export interface InstrumentList {
  readonly fetch: () => Promise<readonly Instrument[]>;
  /** Where it is from, for `instruments.source`. */
  readonly source: string;
  /** Whether a symbol that is not in it is delisted. */
  readonly isFull: boolean;
  readonly maxAgeMs: number;
}

/**
 * Fetches and stores a list when what is stored is older than its greatest age, or when the engine doubts a symbol of
 * it: the exchange has refused what its filters let pass. Returns the number of instruments stored; 0: none was due.
 */
export async function refreshInstruments(
  list: InstrumentList,
  store: Pick<MarketStore, "applyInstruments" | "instrumentsUpdatedAt">,
  now: number,
): Promise<number> {
  const updatedAt = await store.instrumentsUpdatedAt();
  if (updatedAt !== null && now - updatedAt <= list.maxAgeMs) return 0;
  return await store.applyInstruments(await list.fetch(), list.source, list.isFull);
}

/**
 * Polls `source` once at `now` (ms) and stores what it says; nothing while the exchange has asked for silence. When it
 * does so now, the store is told, so that nobody else asks either: whoever goes on is banned.
 */
export async function refreshMarket(
  source: PolledSource,
  store: MarketStore,
  now: number,
): Promise<RefreshSummary> {
  const plan = await store.pollPlan();
  if (plan === null) return { asked: 0, instruments: 0, applied: 0, stops: 0, limits: 0 };
  try {
    return await poll(plan, source, store, now);
  } finally {
    const silentMs = source.silentMs();
    if (silentMs > 0) await store.heedLimit(silentMs);
  }
}

async function poll(
  plan: ReadonlyMap<string, number | undefined>,
  source: PolledSource,
  store: MarketStore,
  now: number,
): Promise<RefreshSummary> {
  const all = {
    fetch: () => source.instruments(),
    source: source.name,
    isFull: true,
    maxAgeMs: INSTRUMENTS_MAX_AGE_MS,
  };
  const instruments = await refreshInstruments(all, store, now);
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
