import { z } from "zod";
import { INSTRUMENT_STATUSES, type InstrumentStatus } from "../domain/market/types.ts";
import { canonical, isPlainDecimal } from "../domain/market/units.ts";

/**
 * Binance Spot's public answers. Strict on the fields that are used, tolerant of everything else: unknown fields,
 * filters and statuses pass, so that an addition by the exchange does not stop trading.
 */

/** A price, quantity or factor: a decimal in a JSON string, made canonical. A JSON number is refused: it rounds. */
const DecimalText = z.string().refine(isPlainDecimal, "not a plain decimal string").transform(canonical);

const Millis = z.int().nonnegative();

const PriceFilter = z.looseObject({ minPrice: DecimalText, maxPrice: DecimalText, tickSize: DecimalText });
const LotFilter = z.looseObject({ minQty: DecimalText, maxQty: DecimalText, stepSize: DecimalText });

/** The filters that are read, by name. What each means: Binance's "Filters" page. */
const Filters = z.looseObject({
  PRICE_FILTER: PriceFilter.optional(),
  LOT_SIZE: LotFilter.optional(),
  MARKET_LOT_SIZE: LotFilter.optional(),
  NOTIONAL: z.looseObject({
    minNotional: DecimalText,
    applyMinToMarket: z.boolean(),
    maxNotional: DecimalText,
    applyMaxToMarket: z.boolean(),
  }).optional(),
  MIN_NOTIONAL: z.looseObject({ minNotional: DecimalText, applyToMarket: z.boolean() }).optional(),
  PERCENT_PRICE_BY_SIDE: z.looseObject({
    bidMultiplierUp: DecimalText,
    bidMultiplierDown: DecimalText,
    askMultiplierUp: DecimalText,
    askMultiplierDown: DecimalText,
    avgPriceMins: z.int().nonnegative(),
  }).optional(),
  PERCENT_PRICE: z.looseObject({
    multiplierUp: DecimalText,
    multiplierDown: DecimalText,
    avgPriceMins: z.int().nonnegative(),
  }).optional(),
  MAX_NUM_ORDERS: z.looseObject({ maxNumOrders: z.int().nonnegative() }).optional(),
  MAX_NUM_ALGO_ORDERS: z.looseObject({ maxNumAlgoOrders: z.int().nonnegative() }).optional(),
});

/** The list of filters as an object by `filterType`; a known filter with a wrong field is an error, not a stranger. */
const FilterList = z.array(z.looseObject({ filterType: z.string() })).pipe(
  z.preprocess(
    (filters: { filterType: string }[]) => Object.fromEntries(filters.map((each) => [each.filterType, each])),
    Filters,
  ),
);

const Status = z.string().transform((text): InstrumentStatus =>
  INSTRUMENT_STATUSES.find((known) => known === text) ?? "UNKNOWN"
);

/** One symbol of `GET /api/v3/exchangeInfo`. `permissions` is the older form of `permissionSets`. */
export const ExchangeSymbol = z.looseObject({
  symbol: z.string().min(1),
  status: Status,
  baseAsset: z.string().min(1),
  quoteAsset: z.string().min(1),
  baseCommissionPrecision: z.int().nonnegative(),
  quoteCommissionPrecision: z.int().nonnegative(),
  orderTypes: z.array(z.string()),
  isSpotTradingAllowed: z.boolean(),
  filters: FilterList,
  permissions: z.array(z.string()).default([]),
  permissionSets: z.array(z.array(z.string())).default([]),
});
export type ExchangeSymbol = z.infer<typeof ExchangeSymbol>;

/** `GET /api/v3/exchangeInfo`. */
export const ExchangeInfo = z.looseObject({ serverTime: Millis, symbols: z.array(ExchangeSymbol) });

/** One symbol of `GET /api/v3/ticker/bookTicker`. A side without orders has price and quantity "0". */
export const BookTicker = z.looseObject({
  symbol: z.string().min(1),
  bidPrice: DecimalText,
  bidQty: DecimalText,
  askPrice: DecimalText,
  askQty: DecimalText,
});
export type BookTicker = z.infer<typeof BookTicker>;

/** `GET /api/v3/ticker/bookTicker`: an object when one symbol was asked for by `symbol`, a list otherwise. */
export const BookTickers = z.union([z.array(BookTicker), BookTicker.transform((one) => [one])]);

/** `GET /api/v3/depth`: bids fall, asks rise. */
export const DepthAnswer = z.looseObject({
  lastUpdateId: z.int(),
  bids: z.array(z.tuple([DecimalText, DecimalText])),
  asks: z.array(z.tuple([DecimalText, DecimalText])),
});

/** One row of `GET /api/v3/klines`, from a list of 12; the ones not named here are ignored. */
export const Kline = z.tuple(
  [Millis, DecimalText, DecimalText, DecimalText, DecimalText, DecimalText, Millis],
  z.unknown(),
).transform(([openTime, open, high, low, close, volume, closeTime]) => ({
  openTime,
  open,
  high,
  low,
  close,
  volume,
  closeTime,
}));
export type Kline = z.infer<typeof Kline>;

/** `GET /api/v3/klines`: rising by open time. */
export const Klines = z.array(Kline);

/** `GET /api/v3/time`. */
export const ServerTime = z.looseObject({ serverTime: Millis });
