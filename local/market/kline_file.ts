import { type Candle, CANDLE_MS } from "../../supabase/functions/_shared/domain/market/types.ts";
import type { Fineness } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import {
  canonical,
  decimalsOf,
  isPlainDecimal,
  toUnits,
} from "../../supabase/functions/_shared/domain/market/units.ts";
import { type CsvRow, MarketFileError, readCsvRows } from "./csv_file.ts";

/** A file of one symbol's one-minute candles. */
export interface KlineFile {
  readonly path: string;
  readonly symbol: string;
}

const COLUMNS = ["open_time", "open", "high", "low", "close", "volume"] as const;

/** Prices and volumes are compared at this many decimals; a file with more is refused. */
const MAX_DECIMALS = 18;

/** From here on an integer can only be a time in microseconds: as milliseconds it is the year 5138. */
const LEAST_MICROSECONDS = 100_000_000_000_000;

/**
 * The candles of a kline file in order of time, each checked: whole minutes, rising without repetition, positive
 * prices, low <= open, close <= high. Minutes that the file lacks are not made up.
 *
 * Two layouts are read: with a header that names `open_time,open,high,low,close,volume` in any order among other
 * columns, and Binance's own archive files, which have no header, those six columns first, and times in
 * microseconds from 2025 on. Throws a MarketFileError with the line of the first fault.
 */
export async function* readKlines(file: KlineFile): AsyncGenerator<Candle, void, undefined> {
  let places: readonly number[] | undefined;
  let before = -1;
  for await (const row of readCsvRows(file.path)) {
    if (!places) {
      const first = columnPlaces(file, row);
      places = first.places;
      if (first.isHeader) continue;
    }
    const candle = candleOf(file, row, places);
    if (candle.openTime <= before) {
      throw fault(file, row, `open time ${candle.openTime} does not come after ${before} in the row before`);
    }
    before = candle.openTime;
    yield candle;
  }
  if (before < 0) throw new MarketFileError(file.path, 0, "has no candles");
}

/** What a whole kline file holds. */
export interface KlineSurvey extends Fineness {
  readonly file: KlineFile;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/**
 * Reads a file from end to end, so that a fault in its last line is known before a replay begins and its prices'
 * finest decimal before an instrument is made of them. Throws as `readKlines`.
 */
export async function surveyKlines(file: KlineFile): Promise<KlineSurvey> {
  let [count, firstAt, lastAt, priceDecimals, quantityDecimals] = [0, 0, 0, 0, 0];
  for await (const candle of readKlines(file)) {
    if (count === 0) firstAt = candle.openTime;
    count++;
    lastAt = candle.openTime;
    for (const price of [candle.open, candle.high, candle.low, candle.close]) {
      priceDecimals = Math.max(priceDecimals, decimalsOf(price));
    }
    quantityDecimals = Math.max(quantityDecimals, decimalsOf(candle.volume));
  }
  return { file, count, firstAt, lastAt, priceDecimals, quantityDecimals };
}

function columnPlaces(file: KlineFile, row: CsvRow): { places: number[]; isHeader: boolean } {
  if (/^\d+$/.test(row.fields[0] ?? "")) {
    return { places: COLUMNS.map((_, index) => index), isHeader: false };
  }
  const places = COLUMNS.map((name) => row.fields.indexOf(name));
  const missing = COLUMNS.filter((_, index) => places[index] === -1);
  if (missing.length > 0) {
    throw fault(file, row, `the header lacks ${missing.join(", ")}; it must name ${COLUMNS.join(",")}`);
  }
  return { places, isHeader: true };
}

function candleOf(file: KlineFile, row: CsvRow, places: readonly number[]): Candle {
  const fields = places.map((place, index) => {
    const text = row.fields[place];
    if (text === undefined) {
      throw fault(file, row, `has ${row.fields.length} columns, ${COLUMNS[index]} is missing`);
    }
    return text;
  });
  const [openTime, open, high, low, close, volume] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  checkNumbers(file, row, { open, high, low, close, volume });
  return {
    symbol: file.symbol,
    interval: "1m",
    openTime: minuteOf(file, row, openTime),
    open: canonical(open),
    high: canonical(high),
    low: canonical(low),
    close: canonical(close),
    volume: canonical(volume),
  };
}

function checkNumbers(file: KlineFile, row: CsvRow, numbers: Record<string, string>): void {
  for (const [name, text] of Object.entries(numbers)) {
    if (!isPlainDecimal(text) || decimalsOf(text) > MAX_DECIMALS) {
      throw fault(
        file,
        row,
        `${name} is ${JSON.stringify(text)}, not a decimal of at most ${MAX_DECIMALS} places`,
      );
    }
  }
  const units = (name: string) => toUnits(numbers[name]!, MAX_DECIMALS);
  const [high, low] = [units("high"), units("low")];
  if (low <= 0n) throw fault(file, row, `low is ${numbers["low"]}, a price must be above zero`);
  if (low > high) throw fault(file, row, `low ${numbers["low"]} is above high ${numbers["high"]}`);
  for (const name of ["open", "close"]) {
    if (units(name) < low || units(name) > high) {
      throw fault(
        file,
        row,
        `${name} ${numbers[name]} is outside low ${numbers["low"]} to high ${numbers["high"]}`,
      );
    }
  }
}

function minuteOf(file: KlineFile, row: CsvRow, text: string): number {
  const time = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  const millis = time >= LEAST_MICROSECONDS ? time / 1_000 : time;
  if (!Number.isInteger(millis) || millis % CANDLE_MS !== 0) {
    throw fault(file, row, `open_time is ${JSON.stringify(text)}, not the first millisecond of a minute`);
  }
  return millis;
}

function fault(file: KlineFile, row: CsvRow, what: string): MarketFileError {
  return new MarketFileError(file.path, row.line, what);
}
