import type { Fixed } from "../core/fixed.ts";
import { type Random, randomFrom } from "../core/random.ts";
import type { ExchangeState, Level, SymbolRules } from "../engine/model.ts";
import { bookAround, onTick } from "./book_shape.ts";
import { amountIn, MarketFileError, readLines, symbolOf, timeIn } from "./files.ts";
import type { MarketSource, TimedMove } from "./source.ts";

const MINUTE_MS = 60_000;
/** The four prices of a candle, so long after it opened. */
const PATH_MS = [0, 15_000, 30_000, 45_000] as const;

/** Rows of one file, in its own time. */
interface Recording {
  readonly symbol: string;
  readonly times: readonly number[];
  /** The moves of one row; made when they are due, for a year of candles is many. */
  readonly movesOf: (row: number) => readonly TimedMove[];
}

const AMOUNT = "\\d{1,20}(\\.\\d+)?";
const CANDLE = new RegExp(`^\\d{12,14}(,${AMOUNT}){5}$`);
const TRADE = new RegExp(`^\\d{12,14},[^,]*(,${AMOUNT}){2},(true|false)$`);
const ONE_AMOUNT = new RegExp(`^${AMOUNT}$`);

type Opener = (path: string, lines: readonly string[], rules: SymbolRules, random: Random) => Recording;

const OPENERS: Readonly<Record<string, Opener>> = {
  "open_time,open,high,low,close,volume": openCandles,
  "time,trade_id,price,qty,is_buyer_maker": openTrades,
};

/**
 * What was recorded, played from now on and moved by whole minutes, so that candles stay candles. Files that overlap
 * keep their distance in time; one that has nothing to do with the first of them begins now as well.
 */
export class ReplaySource implements MarketSource {
  #queue: { shiftMs: number; recording: Recording; next: number }[];

  constructor(recordings: readonly Recording[], startMs: number) {
    const [first] = [...recordings].sort((a, b) => a.times[0]! - b.times[0]!);
    this.#queue = recordings.map((recording) => {
      const isApart = recording.times[0]! > first!.times.at(-1)!;
      return { shiftMs: shiftTo(startMs, (isApart ? recording : first!).times[0]!), recording, next: 0 };
    });
  }

  *take(until: number): Generator<TimedMove> {
    while (true) {
      const due =
        this.#queue.map((one) => ({ one, at: (one.recording.times[one.next] ?? Infinity) + one.shiftMs }))
          .filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) return;
      const { recording, shiftMs } = due.one;
      for (const move of recording.movesOf(due.one.next++)) yield { ...move, at: move.at + shiftMs };
    }
  }
}

function shiftTo(startMs: number, firstMs: number): number {
  return Math.floor((startMs - firstMs) / MINUTE_MS) * MINUTE_MS;
}

/** Opens candles, trades and order books by what their first line looks like. */
export async function openRecordings(
  paths: readonly string[],
  state: ExchangeState,
  seed: number,
): Promise<Recording[]> {
  const random = randomFrom(seed, "replay");
  const known = new Set(state.markets.keys());
  return await Promise.all(paths.map(async (path) => {
    const symbol = symbolOf(path, known);
    const lines = await readLines(path);
    const { rules } = state.markets.get(symbol)!;
    const opener = lines[0]!.startsWith("{") ? openBooks : OPENERS[lines[0]!];
    if (opener === undefined) {
      throw new MarketFileError(
        `${path}: the first line is neither a book nor ${Object.keys(OPENERS).join(" nor ")}.`,
      );
    }
    const recording = opener(path, lines, rules, random);
    if (recording.times.length === 0) throw new MarketFileError(`${path} has no rows.`);
    return recording;
  }));
}

/** A row that cannot be read is found when the file is opened, not hours later when its turn comes. */
function requireLines(path: string, lines: readonly string[], pattern: RegExp): void {
  const at = lines.findIndex((line, index) => index > 0 && !pattern.test(line));
  if (at !== -1) throw new MarketFileError(`${path}, line ${at + 1}: "${lines[at]}" is no row of it.`);
}

/** A candle becomes four trades: open, the extreme it came by first, the other one, close. */
function openCandles(path: string, lines: readonly string[], rules: SymbolRules, random: Random): Recording {
  const { symbol } = rules;
  requireLines(path, lines, CANDLE);
  const rows = lines.slice(1).map((line) => line.split(","));
  const openTimes = rows.map(([time], at) => timeIn(path, at + 2, time));
  const movesOf = (at: number): TimedMove[] => {
    const step = Math.floor(at / PATH_MS.length);
    const corner = at % PATH_MS.length;
    const row = rows[step]!;
    const [open, high, low, close] = row.slice(1, 5).map((text) => amountIn(path, step + 2, text)) as [
      Fixed,
      Fixed,
      Fixed,
      Fixed,
    ];
    const volume = amountIn(path, step + 2, row[5]);
    const path4 = close >= open ? [open, low, high, close] : [open, high, low, close];
    const share = volume / 4n;
    const quantity = corner === 3 ? volume - 3n * share : share;
    return movesTo(
      symbol,
      rules,
      openTimes[step]! + PATH_MS[corner]!,
      path4[corner]!,
      quantity,
      corner % 2 === 1,
      random,
    );
  };
  return { symbol, times: openTimes.flatMap((time) => PATH_MS.map((ms) => time + ms)), movesOf };
}

function openTrades(path: string, lines: readonly string[], rules: SymbolRules, random: Random): Recording {
  const { symbol } = rules;
  requireLines(path, lines, TRADE);
  const rows = lines.slice(1).map((line) => line.split(","));
  const times = rows.map(([time], at) => timeIn(path, at + 2, time));
  const movesOf = (at: number): TimedMove[] => {
    const [, , price, quantity, isBuyerMaker] = rows[at]!;
    const [p, q] = [amountIn(path, at + 2, price), amountIn(path, at + 2, quantity)];
    return movesTo(symbol, rules, times[at]!, p, q, isBuyerMaker === "true", random);
  };
  return { symbol, times, movesOf };
}

function movesTo(
  symbol: string,
  rules: SymbolRules,
  at: number,
  price: Fixed,
  quantity: Fixed,
  isBuyerMaker: boolean,
  random: Random,
): TimedMove[] {
  const book: TimedMove = { at, symbol, move: bookAround(rules, onTick(rules, price), isBuyerMaker, random) };
  return quantity === 0n
    ? [book]
    : [book, { at, symbol, move: { kind: "trade", price, quantity, isBuyerMaker } }];
}

interface RecordedBook {
  readonly E?: number;
  readonly recv_time?: number;
  readonly bids: readonly (readonly [string, string])[];
  readonly asks: readonly (readonly [string, string])[];
}

/** Whole books: one a line with its time, or a single one as the depth endpoint answers it. */
function openBooks(path: string, lines: readonly string[], rules: SymbolRules): Recording {
  const { symbol } = rules;
  const isWhole = lines[0] === "{" || lines.length === 1;
  const texts = isWhole ? [lines.join("")] : lines;
  const books = texts.map((text, at) => readBook(path, at + 1, text));
  const times = books.map(({ E, recv_time }) => E ?? Math.floor((recv_time ?? 0) * 1_000));
  const levels = (rows: RecordedBook["bids"], at: number): Level[] =>
    rows.map(([price, quantity]) => ({
      price: amountIn(path, at + 1, price),
      quantity: amountIn(path, at + 1, quantity),
    }));
  const movesOf = (at: number): TimedMove[] => {
    const [bids, asks] = [levels(books[at]!.bids, at), levels(books[at]!.asks, at)];
    const book: TimedMove = { at: times[at]!, symbol, move: { kind: "book", bids, asks } };
    // Without trades of its own, a book must say what the last price is: the smallest trade at the best bid.
    const [best] = bids;
    if (best === undefined) return [book];
    const last = {
      kind: "trade",
      price: best.price,
      quantity: best.quantity / 1_000n,
      isBuyerMaker: true,
    } as const;
    return last.quantity === 0n ? [book] : [book, { at: times[at]!, symbol, move: last }];
  };
  return { symbol, times, movesOf };
}

function readBook(path: string, line: number, text: string): RecordedBook {
  let value: Partial<RecordedBook> & { body?: RecordedBook };
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MarketFileError(`${path}, line ${line}: ${error instanceof Error ? error.message : error}`);
  }
  const book = { ...value, ...value.body };
  if (!Array.isArray(book.bids) || !Array.isArray(book.asks)) {
    throw new MarketFileError(`${path}, line ${line}: it has no bids and asks.`);
  }
  for (const level of [...book.bids, ...book.asks] as unknown[][]) {
    const isRead = [level[0], level[1]].every((one) => typeof one === "string" && ONE_AMOUNT.test(one));
    if (!isRead) throw new MarketFileError(`${path}, line ${line}: ${JSON.stringify(level)} is no offer.`);
  }
  return book as RecordedBook;
}
