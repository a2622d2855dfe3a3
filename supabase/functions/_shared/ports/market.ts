import type { Depth, Instrument, Quote, Tick } from "../domain/market/types.ts";

/** A place that answers questions about the market when asked. Failures are `MarketError`s. */
export interface MarketSource {
  readonly name: string;
  /** The named symbols' filters, or those of every symbol. Symbols with unusable filters are left out. */
  instruments(symbols?: readonly string[]): Promise<Instrument[]>;
  /**
   * The named symbols' quotes. A symbol that has no market now (no bid or no ask) is left out.
   *
   * `since` gives per symbol the event time (ms) of the last quote the caller has stored, so that a caller without
   * memory of its own still gets `high` and `low` over the whole time since. Without it a source goes by what it
   * answered before; on the first question `high` and `low` equal `last`.
   */
  quotes(symbols: readonly string[], since?: ReadonlyMap<string, number>): Promise<Quote[]>;
}

/** A source that several callers share without knowing of each other: what one was told, all have to hear of. */
export interface PolledSource extends MarketSource {
  /** For how long (ms) the venue has asked for silence, seen from now; 0: it has not. Also after a partial answer. */
  silentMs(): number;
}

/** A source that can also show the book below its best level. */
export interface DepthSource {
  /** The best `levels` of both sides; fewer when the book is thinner. */
  depth(symbol: string, levels: number): Promise<Depth>;
}

/** The market as it goes by; it ends when the source ends or is stopped. */
export type TickStream = AsyncIterable<Tick>;

/**
 * Why a market source has no answer.
 * - `unreachable`: no answer, or the venue's own failure; worth asking again.
 * - `limited`: the venue asks for silence; ask again after `retryAfterMs`, not before.
 * - `malformed`: an answer that is not what the venue documents.
 * - `rejected`: the venue refuses this question (an unknown symbol); asking again will not help.
 */
export type MarketErrorKind = "unreachable" | "limited" | "malformed" | "rejected";

/** A market source's failure, told apart by `kind`. */
export class MarketError extends Error {
  override readonly name = "MarketError";
  readonly kind: MarketErrorKind;
  /** How long to stay silent; set for `limited`. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: MarketErrorKind, message: string, options?: { retryAfterMs?: number; cause?: unknown }) {
    super(message, { cause: options?.cause });
    this.kind = kind;
    this.retryAfterMs = options?.retryAfterMs;
  }
}
