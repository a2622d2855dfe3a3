/**
 * The words of the market: what a venue shows (quotes, candles, instruments) in a shape no source owns.
 *
 * Prices and quantities are canonical decimal strings: digits with an optional fraction, no sign, no exponent,
 * no trailing zeros. Times are milliseconds since the epoch, UTC, as integers.
 */

/** Where a quote was seen. `binance-data` is Binance's host for public data alone, used when the main one fails. */
export type QuoteSource = "binance" | "binance-data" | "simulator" | "replay" | "synthetic";

/** One price level of a book: price in the quote asset, quantity in the base asset. */
export type Level = readonly [price: string, quantity: string];

/** The best levels of a book, best first on both sides. */
export interface Depth {
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

/** The state of one symbol's market at one moment. */
export interface Quote {
  readonly symbol: string;
  readonly bid: string;
  readonly bidQty: string;
  readonly ask: string;
  readonly askQty: string;
  /** Price of the latest trade. */
  readonly last: string;
  /** Highest trade since the previous quote of this symbol from the same source, this quote's `last` included. */
  readonly high: string;
  /** Lowest trade since the previous quote, as `high`: so a resting stop sees a wick between two quotes. */
  readonly low: string;
  /** When the market was in this state (event time, ms), not when anybody read it. */
  readonly observedAt: number;
  readonly source: QuoteSource;
  /** Absent where the source did not look at the book below its best level. */
  readonly depth?: Depth;
}

/** All symbols that changed at one market time. A symbol occurs at most once. */
export interface Tick {
  readonly at: number;
  readonly quotes: readonly Quote[];
}

/** One-minute candle. It covers `openTime` to `openTime + 59 999`; `volume` is in the base asset. */
export interface Candle {
  readonly symbol: string;
  readonly interval: "1m";
  readonly openTime: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
}

/** Length of a candle in milliseconds. */
export const CANDLE_MS = 60_000;

/** A symbol's trading status as Binance names it; `UNKNOWN` for a name this version has not met. */
export const INSTRUMENT_STATUSES = [
  "TRADING",
  "HALT",
  "BREAK",
  "END_OF_DAY",
  "PRE_TRADING",
  "POST_TRADING",
  "AUCTION_MATCH",
  "UNKNOWN",
] as const;
export type InstrumentStatus = (typeof INSTRUMENT_STATUSES)[number];

/** Bounds of an order's price relative to the average price of the last `avgPriceMins` minutes, by side. */
export interface PercentPrice {
  readonly bidMultiplierUp: string;
  readonly bidMultiplierDown: string;
  readonly askMultiplierUp: string;
  readonly askMultiplierDown: string;
  /** 0: the last price is used instead of an average. */
  readonly avgPriceMins: number;
}

/**
 * A symbol with the filters the exchange applies to its orders. In every price and lot rule "0" means that the
 * rule is off; `null` means that the exchange sent no such rule.
 */
export interface Instrument {
  readonly symbol: string;
  readonly status: InstrumentStatus;
  readonly baseAsset: string;
  readonly quoteAsset: string;
  readonly baseCommissionPrecision: number;
  readonly quoteCommissionPrecision: number;
  readonly tickSize: string;
  readonly minPrice: string;
  readonly maxPrice: string;
  readonly lotMin: string;
  readonly lotMax: string;
  readonly lotStep: string;
  readonly marketLotMin: string;
  readonly marketLotMax: string;
  readonly marketLotStep: string;
  readonly minNotional: string;
  readonly applyMinToMarket: boolean;
  readonly maxNotional: string | null;
  readonly applyMaxToMarket: boolean;
  readonly percentPrice: PercentPrice | null;
  readonly maxNumOrders: number | null;
  readonly maxNumAlgoOrders: number | null;
  readonly orderTypes: readonly string[];
  readonly isSpotTradingAllowed: boolean;
  /** Permissions an account needs: one of each inner set. */
  readonly permissionSets: readonly (readonly string[])[];
}
