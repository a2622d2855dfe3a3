import { type Candle, CANDLE_MS, type Quote } from "./types.ts";
import { bookAround, type BookModel } from "./book.ts";
import { type Grid, priceToTicks, quantityToSteps, ticksToPrice } from "./grid.ts";
import { type Random, randomFor } from "./prng.ts";
import { isZero } from "./units.ts";

/**
 * What happened inside a candle is not recorded; this is the convention used to replay it. Four trades: the open at
 * the minute's first millisecond, the two extremes after 20 and 40 seconds, the close at its last millisecond. The
 * extreme that lies against the candle's direction comes first: low before high when close >= open, else high
 * before low. Between one candle's close and the next one's open nothing is traded, so a gap stays a gap.
 */
export const PATH_OFFSETS_MS = { open: 0, first: 20_000, second: 40_000, close: CANDLE_MS - 1 } as const;

/** Points per candle: the four of the path, or the close alone carrying the candle's high and low. */
export type TicksPerCandle = 1 | 4;

/** One trade on a candle's path, in ticks. `high` and `low` are the extremes since the point before. */
export interface PathPoint {
  readonly at: number;
  readonly last: bigint;
  readonly high: bigint;
  readonly low: bigint;
  /** The side of the book that was hit, where the path tells: a low is sold into, a high is bought. */
  readonly lastIs: "bid" | "ask" | "either";
}

/** A candle's prices in ticks. */
export interface CandleTicks {
  readonly openTime: number;
  readonly open: bigint;
  readonly high: bigint;
  readonly low: bigint;
  readonly close: bigint;
}

/** The path of one candle: one or four points, rising in time, inside [low, high] and touching both. */
export function candlePath(candle: CandleTicks, ticksPerCandle: TicksPerCandle): PathPoint[] {
  const { openTime, open, high, low, close } = candle;
  const closeAt = openTime + PATH_OFFSETS_MS.close;
  if (ticksPerCandle === 1) return [{ at: closeAt, last: close, high, low, lastIs: "either" }];

  const atLow = { price: low, lastIs: "bid" } as const;
  const atHigh = { price: high, lastIs: "ask" } as const;
  const [first, second] = close >= open ? [atLow, atHigh] : [atHigh, atLow];
  const stops = [
    { at: openTime + PATH_OFFSETS_MS.open, price: open, lastIs: "either" },
    { at: openTime + PATH_OFFSETS_MS.first, ...first },
    { at: openTime + PATH_OFFSETS_MS.second, ...second },
    { at: closeAt, price: close, lastIs: "either" },
  ] as const;
  return stops.map((stop, index) => {
    const before = index === 0 ? stop.price : stops[index - 1]!.price;
    const [lower, upper] = before < stop.price ? [before, stop.price] : [stop.price, before];
    return { at: stop.at, last: stop.price, high: upper, low: lower, lastIs: stop.lastIs };
  });
}

/** How candles become quotes. */
export interface CandleQuoteOptions {
  readonly seed: number;
  readonly ticksPerCandle: TicksPerCandle;
  readonly model: BookModel;
}

/**
 * The quotes of one candle, a pure function of the candle, the lattice and the options: the randomness of the book
 * is drawn from (seed, symbol, open time), so a replay that starts later sees the same quotes.
 *
 * A candle in which nothing was traded gives none: Binance publishes such candles while trading is halted, and a
 * quote made from one would show a dead market as alive.
 *
 * Throws a RangeError when a price is off the instrument's tick.
 */
export function candleQuotes(candle: Candle, grid: Grid, options: CandleQuoteOptions): Quote[] {
  if (isZero(candle.volume)) return [];
  const volume = quantityToSteps(grid, candle.volume);
  const ticks: CandleTicks = {
    openTime: candle.openTime,
    open: priceToTicks(grid, candle.open),
    high: priceToTicks(grid, candle.high),
    low: priceToTicks(grid, candle.low),
    close: priceToTicks(grid, candle.close),
  };
  const random = randomFor(options.seed, candle.symbol, candle.openTime);
  const range = ticks.high - ticks.low;
  return candlePath(ticks, options.ticksPerCandle).map((point) =>
    quoteAt(point, { grid, model: options.model, volume, range, source: "replay" }, random)
  );
}

/** What surrounds a point of a path when it becomes a quote. */
export interface QuoteSurroundings {
  readonly grid: Grid;
  readonly model: BookModel;
  readonly volume: bigint;
  readonly range: bigint;
  readonly source: Quote["source"];
}

/** The quote at a point of a path, its book drawn from `random`. */
export function quoteAt(point: PathPoint, around: QuoteSurroundings, random: Random): Quote {
  const lastIs = point.lastIs === "either" ? (random.below(2) === 0 ? "bid" : "ask") : point.lastIs;
  const { grid, model, volume, range } = around;
  return {
    symbol: grid.symbol,
    ...bookAround(grid, model, { last: point.last, lastIs, range, volume }, random),
    last: ticksToPrice(grid, point.last),
    high: ticksToPrice(grid, point.high),
    low: ticksToPrice(grid, point.low),
    observedAt: point.at,
    source: around.source,
  };
}
