import type { Instrument, Quote, Tick } from "./types.ts";
import { DEFAULT_BOOK_MODEL } from "./book.ts";
import { type PathPoint, quoteAt } from "./candle_path.ts";
import { type Grid, gridOf, priceToTicks } from "./grid.ts";
import { instrumentFor } from "./instruments.ts";
import { type Random, randomFor } from "./prng.ts";
import { type Regime, regimeAt } from "./regimes.ts";

/**
 * A market from a seed: every symbol walks on its own through regimes (`regimes.ts`) by geometric steps. The walk
 * is kept in millionths of a tick, all in integers, so it is exact, and the same on every machine. Randomness is
 * drawn from (seed, symbol, step): a symbol's path does not depend on which other symbols are in the market.
 */
export interface SyntheticOptions {
  readonly seed: number;
  readonly symbols: readonly string[];
  /** Market time of step 0 (ms). */
  readonly startAt: number;
  /** Market time between steps (ms). */
  readonly periodMs: number;
  /** Number of ticks; absent: the market never ends. */
  readonly steps?: number;
}

/** Starting prices; a symbol that is not listed starts at `OTHER_START`. Made up, of a familiar size. */
const START_PRICES: Readonly<Record<string, string>> = {
  BTCUSDT: "60000",
  ETHUSDT: "3000",
  BNBUSDT: "500",
  SOLUSDT: "150",
  XRPUSDT: "0.5",
  ADAUSDT: "0.4",
  DOGEUSDT: "0.12",
  TRXUSDT: "0.12",
  LTCUSDT: "80",
  MATICUSDT: "0.5",
  FTMUSDT: "0.5",
  NKNUSDT: "0.1",
};
const OTHER_START = "10";

const FINE = 1_000_000n;
const PPM = 1_000_000n;
/** Usual volume per minute, in whole units of the quote asset. */
const MINUTE_NOTIONAL = 3_000_000n;

/** One symbol's walk after some step. `fine` and `anchor` are in ticks / 10^6. */
interface Walk {
  readonly grid: Grid;
  readonly fine: bigint;
  /** The price at the current regime's start, to which a ranging market returns. */
  readonly anchor: bigint;
}

/** The instruments of a synthetic market. Throws a RangeError for a symbol without known filters. */
export function syntheticInstruments(symbols: readonly string[]): Instrument[] {
  return symbols.map((symbol) => instrumentFor(symbol));
}

/** The market's ticks in order; every symbol has a quote in every tick. */
export function* syntheticTicks(options: SyntheticOptions): Generator<Tick, void, undefined> {
  checkOptions(options);
  let walks = syntheticInstruments(options.symbols).map(startWalk);
  for (let step = 0; options.steps === undefined || step < options.steps; step++) {
    const at = options.startAt + step * options.periodMs;
    const moved = walks.map((walk) => takeStep(walk, options.seed, step, at));
    walks = moved.map((move) => move.walk);
    yield { at, quotes: moved.map((move) => move.quote) };
  }
}

function checkOptions(options: SyntheticOptions): void {
  if (options.symbols.length === 0) throw new RangeError("a synthetic market needs at least one symbol");
  if (new Set(options.symbols).size !== options.symbols.length) {
    throw new RangeError(`a synthetic market has each symbol once: ${options.symbols.join(", ")}`);
  }
  if (!Number.isInteger(options.periodMs) || options.periodMs < 1) {
    throw new RangeError(
      `a synthetic market's period is a whole number of milliseconds: ${options.periodMs}`,
    );
  }
}

function startWalk(instrument: Instrument): Walk {
  const grid = gridOf(instrument);
  const fine = priceToTicks(grid, START_PRICES[instrument.symbol] ?? OTHER_START) * FINE;
  return { grid, fine, anchor: fine };
}

function takeStep(walk: Walk, seed: number, step: number, at: number): { walk: Walk; quote: Quote } {
  const { grid } = walk;
  const { regime, isFirst } = regimeAt(seed, grid.symbol, step);
  const random = randomFor(seed, grid.symbol, "step", step);
  const from = isFirst ? { ...walk, anchor: walk.fine, fine: jumped(walk.fine, regime) } : walk;
  const next: Walk = step === 0 ? from : { ...from, fine: moved(from, regime, random) };

  const point = tradedBetween(from.fine / FINE, next.fine / FINE, regime, at, random);
  const model = { ...DEFAULT_BOOK_MODEL, halfSpreadPpm: regime.halfSpreadPpm };
  const range = point.high - point.low;
  const volume = minuteVolume(grid, point.last, regime);
  return { walk: next, quote: quoteAt(point, { grid, model, range, volume, source: "synthetic" }, random) };
}

function jumped(fine: bigint, regime: Regime): bigint {
  return fine + (fine * BigInt(regime.jumpPpm)) / PPM;
}

function moved(walk: Walk, regime: Regime, random: Random): bigint {
  const shockPpm = BigInt(regime.driftPpm) + BigInt(regime.sigmaPpm * random.bell()) / 1000n;
  const pull = ((walk.anchor - walk.fine) * BigInt(regime.pullPercent)) / 100n;
  return walk.fine + (walk.fine * shockPpm) / PPM + pull;
}

/** The trades of one step: from one price to the next, with a wick beyond each end now and then. */
function tradedBetween(from: bigint, to: bigint, regime: Regime, at: number, random: Random): PathPoint {
  const wick = () => (to * BigInt(regime.sigmaPpm * random.below(1001))) / (2_000n * PPM);
  const [lower, upper] = from < to ? [from, to] : [to, from];
  return {
    at,
    last: to,
    high: upper + wick(),
    low: lower - wick(),
    lastIs: to > from ? "ask" : to < from ? "bid" : "either",
  };
}

function minuteVolume(grid: Grid, last: bigint, regime: Regime): bigint {
  const notional = MINUTE_NOTIONAL * 10n ** BigInt(grid.priceDecimals + grid.quantityDecimals);
  return (notional * BigInt(regime.volumePercent)) / (100n * last * grid.tick * grid.step);
}
