import { DEFAULT_BOOK_MODEL } from "../../supabase/functions/_shared/domain/market/book.ts";
import { type PathPoint, quoteAt } from "../../supabase/functions/_shared/domain/market/candle_path.ts";
import {
  type Grid,
  gridOf,
  priceToTicks,
  quantityToSteps,
} from "../../supabase/functions/_shared/domain/market/grid.ts";
import { instrumentFor } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import { randomFor } from "../../supabase/functions/_shared/domain/market/prng.ts";
import {
  CANDLE_MS,
  type Instrument,
  type Tick,
} from "../../supabase/functions/_shared/domain/market/types.ts";
import { decimalsOf, isPlainDecimal, isZero } from "../../supabase/functions/_shared/domain/market/units.ts";
import { type CsvRow, MarketFileError, readCsvRows } from "./csv_file.ts";

/** A file of one symbol's trades. */
export interface TradeFile {
  readonly path: string;
  readonly symbol: string;
}

/** One recorded trade. */
export interface RecordedTrade {
  readonly time: number;
  readonly price: string;
  readonly quantity: string;
  /** The side of the book that was hit: a seller hits the bid. */
  readonly hit: "bid" | "ask";
}

/** A checked file of trades; `ticks` may be called again and again, each from the beginning. */
export interface TradeReplay {
  readonly instrument: Instrument;
  readonly tradeCount: number;
  readonly firstAt: number;
  readonly lastAt: number;
  ticks(): AsyncIterable<Tick>;
}

/** Which side a trade hit, by the words of the two columns that say so. */
const HIT_BY: Readonly<Record<string, Readonly<Record<string, RecordedTrade["hit"]>>>> = {
  is_buyer_maker: { true: "bid", false: "ask" },
  taker_side: { sell: "bid", buy: "ask" },
};

/**
 * The trades of a CSV file whose header names `time,price,qty` and `is_buyer_maker` or `taker_side`. Times do not
 * fall. Throws a MarketFileError with the line of the first fault.
 */
export async function* readTrades(file: TradeFile): AsyncGenerator<RecordedTrade, void, undefined> {
  let header: readonly string[] | undefined;
  let before = 0;
  for await (const row of readCsvRows(file.path)) {
    if (!header) {
      header = checkHeader(file, row);
      continue;
    }
    const trade = tradeOf(file, row, header);
    if (trade.time < before) {
      throw fault(file, row, `time ${trade.time} lies before ${before} in the row before`);
    }
    before = trade.time;
    yield trade;
  }
  if (before === 0) throw new MarketFileError(file.path, 0, "has no trades");
}

/** Opens a file of trades for replay, reading it through once. The seed decides the books around the trades. */
export async function openTrades(file: TradeFile, seed: number): Promise<TradeReplay> {
  let [tradeCount, firstAt, lastAt, priceDecimals, quantityDecimals] = [0, 0, 0, 0, 0];
  for await (const trade of readTrades(file)) {
    if (tradeCount === 0) firstAt = trade.time;
    tradeCount++;
    lastAt = trade.time;
    priceDecimals = Math.max(priceDecimals, decimalsOf(trade.price));
    quantityDecimals = Math.max(quantityDecimals, decimalsOf(trade.quantity));
  }
  const instrument = instrumentFor(file.symbol, { priceDecimals, quantityDecimals });
  return { instrument, tradeCount, firstAt, lastAt, ticks: () => tradeTicks(file, gridOf(instrument), seed) };
}

/** One tick per millisecond with trades; its book is made around the last of them and the volume of the last minute. */
async function* tradeTicks(file: TradeFile, grid: Grid, seed: number): AsyncGenerator<Tick, void, undefined> {
  const minute = new SlidingVolume();
  let point: PathPoint | undefined;
  const quoted = (at: PathPoint): Tick => {
    const around = {
      grid,
      model: DEFAULT_BOOK_MODEL,
      volume: minute.sum,
      range: 0n,
      source: "replay",
    } as const;
    return { at: at.at, quotes: [quoteAt(at, around, randomFor(seed, file.symbol, at.at))] };
  };
  for await (const trade of readTrades(file)) {
    if (point && point.at !== trade.time) {
      yield quoted(point);
      point = undefined;
    }
    minute.add(trade.time, quantityToSteps(grid, trade.quantity));
    point = withTrade(point, trade, priceToTicks(grid, trade.price));
  }
  if (point) yield quoted(point);
}

function withTrade(point: PathPoint | undefined, trade: RecordedTrade, last: bigint): PathPoint {
  const high = point && point.high > last ? point.high : last;
  const low = point && point.low < last ? point.low : last;
  return { at: trade.time, last, high, low, lastIs: trade.hit };
}

/** The volume of the last minute, in steps. */
class SlidingVolume {
  readonly #kept: { time: number; steps: bigint }[] = [];
  #sum = 0n;

  get sum(): bigint {
    return this.#sum;
  }

  add(time: number, steps: bigint): void {
    this.#kept.push({ time, steps });
    this.#sum += steps;
    while (this.#kept[0]!.time <= time - CANDLE_MS) this.#sum -= this.#kept.shift()!.steps;
  }
}

function checkHeader(file: TradeFile, row: CsvRow): readonly string[] {
  const missing = ["time", "price", "qty"].filter((name) => !row.fields.includes(name));
  if (!Object.keys(HIT_BY).some((name) => row.fields.includes(name))) {
    missing.push(Object.keys(HIT_BY).join(" or "));
  }
  if (missing.length > 0) throw fault(file, row, `the header lacks ${missing.join(", ")}`);
  return row.fields;
}

function tradeOf(file: TradeFile, row: CsvRow, header: readonly string[]): RecordedTrade {
  const field = (name: string) => row.fields[header.indexOf(name)] ?? "";
  const [time, price, quantity] = [field("time"), field("price"), field("qty")];
  if (!/^\d{1,15}$/.test(time)) throw fault(file, row, `time is ${JSON.stringify(time)}, not milliseconds`);
  for (const [name, text] of [["price", price], ["qty", quantity]] as const) {
    if (!isPlainDecimal(text) || isZero(text)) {
      throw fault(file, row, `${name} is ${JSON.stringify(text)}, not a decimal above zero`);
    }
  }
  const sideColumn = Object.keys(HIT_BY).find((name) => header.includes(name))!;
  const hit = HIT_BY[sideColumn]![field(sideColumn)];
  if (!hit) throw fault(file, row, `${sideColumn} is ${JSON.stringify(field(sideColumn))}`);
  return { time: Number(time), price, quantity, hit };
}

function fault(file: TradeFile, row: CsvRow, what: string): MarketFileError {
  return new MarketFileError(file.path, row.line, what);
}
