import {
  type BookModel,
  checkBookModel,
  DEFAULT_BOOK_MODEL,
} from "../../supabase/functions/_shared/domain/market/book.ts";
import {
  type CandleQuoteOptions,
  candleQuotes,
  type TicksPerCandle,
} from "../../supabase/functions/_shared/domain/market/candle_path.ts";
import { type Grid, gridOf } from "../../supabase/functions/_shared/domain/market/grid.ts";
import { type Fineness, instrumentFor } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import type {
  Candle,
  Instrument,
  Quote,
  Tick,
} from "../../supabase/functions/_shared/domain/market/types.ts";
import { MarketFileError } from "./csv_file.ts";
import { type KlineFile, readKlines, surveyKlines } from "./kline_file.ts";
import { mergeByTime } from "./merge.ts";

/** How a replay turns candles into quotes; all have defaults. */
export interface ReplayOptions {
  /** Four quotes a candle (its path, the default), or one at its close. */
  readonly ticksPerCandle?: TicksPerCandle;
  /** Decides the imagined books, not the prices. Default 1. */
  readonly seed?: number;
  readonly model?: Partial<BookModel>;
  /** Filters to use instead of the common ones, by symbol. */
  readonly instruments?: readonly Instrument[];
}

/** A checked set of kline files. `ticks` and `candles` may be called again and again, each from the beginning. */
export interface Replay {
  readonly instruments: readonly Instrument[];
  readonly candleCount: number;
  /** Open time of the first and of the last candle (ms). */
  readonly firstAt: number;
  readonly lastAt: number;
  /** The market as it went by. Minutes without a candle, and candles without trades, have no tick. */
  ticks(): AsyncIterable<Tick>;
  /** The candles alone, merged by open time: each group holds the candles of one minute. */
  candles(): AsyncIterable<Candle[]>;
}

/**
 * Opens kline files for replay; one symbol may come in several files, one period each. Every file is read through
 * once, so a fault in any line is known now and not hours into a replay. Throws a MarketFileError naming file and
 * line, or a RangeError for options that make no sense.
 */
export async function openReplay(files: readonly KlineFile[], options: ReplayOptions = {}): Promise<Replay> {
  if (files.length === 0) throw new RangeError("a replay needs at least one file");
  const model = { ...DEFAULT_BOOK_MODEL, ...options.model };
  checkBookModel(model);
  const surveys = await Promise.all(files.map(surveyKlines));
  const instruments = instrumentsFor(surveys, options.instruments ?? []);
  const grids = new Map(instruments.map((instrument) => [instrument.symbol, gridOf(instrument)]));
  const quoting = { seed: options.seed ?? 1, ticksPerCandle: options.ticksPerCandle ?? 4, model };
  return {
    instruments,
    candleCount: surveys.reduce((sum, survey) => sum + survey.count, 0),
    firstAt: Math.min(...surveys.map((survey) => survey.firstAt)),
    lastAt: Math.max(...surveys.map((survey) => survey.lastAt)),
    ticks: () => replayTicks(files, grids, quoting),
    candles: () => mergeKlines(files),
  };
}

/** Candles of several files, merged by open time. Throws a MarketFileError as `readKlines`. */
export async function* mergeKlines(files: readonly KlineFile[]): AsyncGenerator<Candle[], void, undefined> {
  for await (const minute of mergeByTime(files.map(readKlines), (candle) => candle.openTime)) {
    const twice = minute.find((candle, index) => minute.findIndex((c) => c.symbol === candle.symbol) < index);
    if (twice) {
      const paths = files.filter((file) => file.symbol === twice.symbol).map((file) => file.path);
      throw new MarketFileError(paths.join(" and "), 0, `both have ${twice.symbol} at ${twice.openTime}`);
    }
    yield minute;
  }
}

async function* replayTicks(
  files: readonly KlineFile[],
  grids: ReadonlyMap<string, Grid>,
  options: CandleQuoteOptions,
): AsyncGenerator<Tick, void, undefined> {
  for await (const minute of mergeKlines(files)) {
    yield* groupByTime(minute.flatMap((candle) => candleQuotes(candle, grids.get(candle.symbol)!, options)));
  }
}

/** Quotes of one minute as ticks: candles share their paths' times, so symbols meet in the same tick. */
function groupByTime(quotes: readonly Quote[]): Tick[] {
  const byTime = Map.groupBy(quotes, (quote) => quote.observedAt);
  return [...byTime].map(([at, group]) => ({ at, quotes: group })).sort((a, b) => a.at - b.at);
}

/** One instrument per symbol: the caller's own, else by name and by the finest decimals in its files. */
function instrumentsFor(
  surveys: readonly (Fineness & { readonly file: KlineFile })[],
  given: readonly Instrument[],
): Instrument[] {
  const bySymbol = Map.groupBy(surveys, (survey) => survey.file.symbol);
  return [...bySymbol].map(([symbol, own]) => {
    const seen = {
      priceDecimals: Math.max(...own.map((survey) => survey.priceDecimals)),
      quantityDecimals: Math.max(...own.map((survey) => survey.quantityDecimals)),
    };
    return given.find((instrument) => instrument.symbol === symbol) ?? instrumentFor(symbol, seen);
  });
}
