import type { Instrument, Quote } from "../domain/market/types.ts";

/** What a tick did: quotes that were new, stops it fired, resting limits it may fill. */
export interface TickEffect {
  readonly applied: number;
  readonly stops: number;
  readonly limits: number;
}

/** Where market data goes. */
export interface MarketStore {
  /**
   * Symbols a poll should ask for, with the event time (ms) of the last quote stored, if any. Its request weight is
   * drawn then. Null: the exchange has asked for silence, nothing at all may be asked.
   */
  pollPlan(): Promise<ReadonlyMap<string, number | undefined> | null>;
  /** The exchange asks for silence: nobody polls, or sends orders from the same address, for so long (ms). */
  heedLimit(silentMs: number): Promise<void>;
  applyPrices(quotes: readonly Quote[]): Promise<TickEffect>;
  /** `isFullList`: symbols that are not in the list are delisted. */
  applyInstruments(instruments: readonly Instrument[], source: string, isFullList: boolean): Promise<number>;
  /** When instruments were last applied (ms); null: never. */
  instrumentsUpdatedAt(): Promise<number | null>;
}
