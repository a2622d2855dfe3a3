import type { Depth, Level } from "./types.ts";
import { type Grid, stepsToQuantity, ticksToPrice } from "./grid.ts";
import type { Random } from "./prng.ts";

/**
 * How a book is imagined around a traded price, where the recorded data holds trades alone.
 *
 * Spread: `2 · halfSpreadPpm · price · j + rangePercent · range`, j uniform from 0.5 to 1.5, at least one tick. The
 * term in the range widens the spread when the market runs, as books do when makers step back.
 * Depth: each side holds `depthPercent` of a minute's volume over `levels` prices that lie `levelGapPpm` of the
 * price apart (at least one tick); level k of n holds (k+1) shares of n(n+1)/2, times j, at least one lot step.
 *
 * The figures are a model, not a measurement. With the defaults the minutes of BTCUSDT around the crash of
 * 2021-05-19 have a spread of one basis point in the median, 2.4 at the 95th percentile and 18 at worst.
 */
export interface BookModel {
  /** Half the quiet spread in parts per million of the price: 25 is a quarter of a basis point. */
  readonly halfSpreadPpm: number;
  /** Share of the recent high-low range that is added to the spread, in percent. */
  readonly rangePercent: number;
  /** Levels on each side, from 1 to 100. */
  readonly levels: number;
  /** Distance between levels in parts per million of the price. */
  readonly levelGapPpm: number;
  /** Quantity on one side of the book, in percent of a minute's volume. */
  readonly depthPercent: number;
  /** Whether the levels are shown (`depth`) or only the best ones. */
  readonly showDepth: boolean;
}

export const DEFAULT_BOOK_MODEL: BookModel = {
  halfSpreadPpm: 25,
  rangePercent: 2,
  levels: 5,
  levelGapPpm: 20,
  depthPercent: 20,
  showDepth: true,
};

/** What the book is built around, in ticks and lot steps. */
export interface BookInput {
  /** Price of the latest trade. */
  readonly last: bigint;
  /** Which side that trade hit; the other side lies a spread away. */
  readonly lastIs: "bid" | "ask";
  /** Recent high less low. */
  readonly range: bigint;
  /** A minute's volume. */
  readonly volume: bigint;
}

/** The book's part of a quote. Always bid < ask, bid <= last <= ask, every price on the tick. */
export interface Book {
  readonly bid: string;
  readonly bidQty: string;
  readonly ask: string;
  readonly askQty: string;
  readonly depth?: Depth;
}

const PPM = 1_000_000n;

/** Throws a RangeError that names the first field of a model which makes no sense. */
export function checkBookModel(model: BookModel): void {
  const limits = [
    ["halfSpreadPpm", 0, 100_000],
    ["rangePercent", 0, 100],
    ["levels", 1, 100],
    ["levelGapPpm", 0, 100_000],
    ["depthPercent", 0, 1_000],
  ] as const;
  for (const [name, least, most] of limits) {
    const value = model[name];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(`book model: ${name} must be an integer from ${least} to ${most}, not ${value}`);
    }
  }
}

/** The book around a trade. Draws from `random`, so the same generator gives the same book. */
export function bookAround(grid: Grid, model: BookModel, input: BookInput, random: Random): Book {
  const spread = spreadTicks(model, input, random);
  const lowestBid = 1n;
  const bid = input.lastIs === "bid" ? input.last : atLeast(lowestBid, input.last - spread);
  const ask = input.lastIs === "ask" ? atLeast(bid + 1n, input.last) : bid + spread;
  const gap = atLeast(1n, (input.last * BigInt(model.levelGapPpm)) / PPM);
  const bids = ladder(grid, model, { best: bid, gap: -gap, volume: input.volume }, random);
  const asks = ladder(grid, model, { best: ask, gap, volume: input.volume }, random);
  const [bestBid, bestAsk] = [bids[0]!, asks[0]!];
  const best = { bid: bestBid[0], bidQty: bestBid[1], ask: bestAsk[0], askQty: bestAsk[1] };
  return model.showDepth ? { ...best, depth: { bids, asks } } : best;
}

function spreadTicks(model: BookModel, input: BookInput, random: Random): bigint {
  const quiet = (input.last * BigInt(2 * model.halfSpreadPpm) * jitterPercent(random)) / (100n * PPM);
  const stressed = (input.range * BigInt(model.rangePercent)) / 100n;
  return atLeast(1n, quiet + stressed);
}

function ladder(
  grid: Grid,
  model: BookModel,
  side: { best: bigint; gap: bigint; volume: bigint },
  random: Random,
): Level[] {
  const shown = model.showDepth ? model.levels : 1;
  const shares = BigInt(model.levels * (model.levels + 1)) / 2n;
  const total = (side.volume * BigInt(model.depthPercent)) / 100n;
  const levels: Level[] = [];
  for (let k = 0; k < shown; k++) {
    const price = side.best + side.gap * BigInt(k);
    if (price < 1n) break;
    const steps = (total * BigInt(k + 1) * jitterPercent(random)) / (shares * 100n);
    levels.push([ticksToPrice(grid, price), stepsToQuantity(grid, atLeast(1n, steps))]);
  }
  return levels;
}

/** 50 to 150, uniform. */
function jitterPercent(random: Random): bigint {
  return BigInt(50 + random.below(101));
}

function atLeast(least: bigint, value: bigint): bigint {
  return value < least ? least : value;
}
