import type { MarketMove } from "../engine/market_moves.ts";

/** A move of a market at its time. */
export interface TimedMove {
  readonly at: number;
  readonly symbol: string;
  readonly move: MarketMove;
}

/** What the rest of the market does, as time goes by. */
export interface MarketSource {
  /** The moves that are due, each once, rising in time. */
  take(until: number): Iterable<TimedMove>;
}

/** A market that only moves when it is told to. */
export const stillSource: MarketSource = { take: () => [] };
