import { BinanceMarket } from "../../supabase/functions/_shared/adapters/market/binance.ts";
import type { BinanceHost } from "../../supabase/functions/_shared/adapters/market/hosts.ts";
import { isReachable } from "../../supabase/functions/_shared/adapters/market/probe.ts";
import type { Instrument } from "../../supabase/functions/_shared/domain/market/types.ts";
import {
  syntheticInstruments,
  syntheticTicks,
} from "../../supabase/functions/_shared/domain/market/synthetic.ts";
import { MarketError, type TickStream } from "../../supabase/functions/_shared/ports/market.ts";
import { mergeByTime } from "./merge.ts";
import { type MarketFile, type MarketOption, MarketOptionError } from "./option.ts";
import { paced, unpaced } from "./pacing.ts";
import { polled, pollEveryMs } from "./polling.ts";
import { openReplay, type ReplayOptions } from "./replay.ts";
import { openTrades } from "./trades.ts";

/** A market that is on. */
export interface OpenMarket {
  readonly name: "binance" | "replay" | "simulator" | "synthetic";
  /** One plain sentence for the user: what the prices are and where they come from. */
  readonly described: string;
  readonly instruments: readonly Instrument[];
  /** Asks the exchange for the instruments as they are now; absent where they cannot change. */
  readonly fetchInstruments?: () => Promise<readonly Instrument[]>;
  /** Can be read once, by one reader. Ends when the recorded data ends or after `stop`. */
  readonly stream: TickStream;
  /** Ends the stream; a reader who waits for the next tick gets the end instead. Safe to call twice. */
  stop(): void;
}

/** How a market is opened. */
export interface MarketSettings {
  /** Market time per real time. Binance itself knows no other speed than 1. */
  readonly speed: number;
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
  readonly log: (line: string) => void;
  /** Symbols of a synthetic or live market; a replay has those of its files. */
  readonly symbols?: readonly string[];
  /** Puts the wall clock on replayed and synthetic quotes. Default: yes, unless the speed is infinite. */
  readonly restamp?: boolean;
  readonly replay?: ReplayOptions;
  /** Where Binance is; for tests and mirrors. */
  readonly hosts?: readonly BinanceHost[];
}

/** Symbols of a market that is not told which. */
export const DEFAULT_SYMBOLS: readonly string[] = [
  "BTCUSDT",
  "ETHUSDT",
  "BNBUSDT",
  "SOLUSDT",
  "ADAUSDT",
  "DOGEUSDT",
];

/** Market time between the ticks of a synthetic market (ms). */
export const SYNTHETIC_PERIOD_MS = 1_000;

/** How long `auto` waits for Binance (ms). */
export const AUTO_DEADLINE_MS = 3_000;

/** The seed of the market that `auto` falls back to. */
export const AUTO_SEED = 1;

/** Time of a synthetic market's first tick when quotes are not restamped: 2024-01-01T00:00:00Z. */
const SYNTHETIC_START = 1_704_067_200_000;

/**
 * Opens the market that the option names. Rejects when it cannot be had: a MarketFileError for a bad file, a
 * MarketError when Binance does not answer (`auto` then takes the synthetic market and says so).
 */
export async function openMarket(option: MarketOption, settings: MarketSettings): Promise<OpenMarket> {
  checkPace(settings);
  switch (option.kind) {
    case "auto":
      return await openAuto(settings);
    case "binance":
      return await openBinance(settings);
    case "simulator":
      return await openSimulator(option.url, settings);
    case "replay":
      return await openFiles(option.files, settings);
    case "synthetic":
      return openSynthetic(option.seed, settings);
    default:
      return assertNever(option);
  }
}

async function openAuto(settings: MarketSettings): Promise<OpenMarket> {
  const answer = await isReachable(AUTO_DEADLINE_MS, settings.hosts);
  try {
    if (answer.reachable) return await openBinance(settings);
    settings.log(`Binance's public data cannot be had: ${answer.reason}`);
  } catch (error) {
    if (!(error instanceof MarketError)) throw error;
    settings.log(`Binance's public data cannot be had: ${error.message}`);
  }
  const market = openSynthetic(AUTO_SEED, settings);
  return {
    ...market,
    described: `${market.described} Binance's public data did not answer, so these are not real.`,
  };
}

async function openBinance(settings: MarketSettings): Promise<OpenMarket> {
  const { market, count, everyMs } = await openPolled(settings, settings.hosts);
  const described = `Real prices of ${count} symbols from Binance Spot's public data, every ${
    everyMs / 1_000
  } s.`;
  return { ...market, name: "binance", described: described + speedOfPolls(settings) };
}

async function openSimulator(url: string, settings: MarketSettings): Promise<OpenMarket> {
  const { market, count, everyMs } = await openPolled(settings, [{ source: "simulator", url }]);
  const described = `Prices of ${count} symbols from the Binance simulator at ${url}, every ${
    everyMs / 1_000
  } s.`;
  return { ...market, name: "simulator", described: described + speedOfPolls(settings) };
}

async function openPolled(settings: MarketSettings, hosts: readonly BinanceHost[] | undefined) {
  const symbols = settings.symbols ?? DEFAULT_SYMBOLS;
  const { now, log } = settings;
  const source = new BinanceMarket(hosts ? { now, log, hosts } : { now, log });
  const fetchInstruments = () => source.instruments(symbols);
  const instruments = await fetchInstruments();
  const everyMs = pollEveryMs(symbols.length);
  const stop = new AbortController();
  const stream = polled(source, { symbols, everyMs, now, log, signal: stop.signal });
  const market = { instruments, fetchInstruments, stream, stop: () => stop.abort() };
  return { market, count: symbols.length, everyMs };
}

function speedOfPolls({ speed }: MarketSettings): string {
  return speed === 1 ? "" : " The speed option has no effect on a live market.";
}

async function openFiles(files: readonly MarketFile[], settings: MarketSettings): Promise<OpenMarket> {
  checkTradeFiles(files);
  const klines = files.filter((file) => file.kind === "klines");
  const replay = klines.length > 0 ? await openReplay(klines, settings.replay) : undefined;
  const seed = settings.replay?.seed ?? 1;
  const trades = await Promise.all(
    files.filter((file) => file.kind === "trades").map((file) => openTrades(file, seed)),
  );
  const parts = replay ? [replay, ...trades] : trades;
  const instruments = [...(replay?.instruments ?? []), ...trades.map((each) => each.instrument)];
  const span = [
    Math.min(...parts.map((part) => part.firstAt)),
    Math.max(...parts.map((part) => part.lastAt)),
  ];
  const [from, to] = span.map((time) => new Date(time).toISOString().slice(0, 16).replace("T", " "));
  const names = [...new Set(instruments.map((instrument) => instrument.symbol))].join(", ");
  return {
    name: "replay",
    described: `Recorded prices of ${names}, ${from} to ${to} UTC, ${speedInWords(settings.speed)}.`,
    instruments,
    ...onAndOff(mergeTicks(parts.map((part) => part.ticks())), settings),
  };
}

function openSynthetic(seed: number, settings: MarketSettings): OpenMarket {
  const symbols = settings.symbols ?? DEFAULT_SYMBOLS;
  const instruments = syntheticInstruments(symbols);
  const ticks = syntheticTicks({ seed, symbols, startAt: SYNTHETIC_START, periodMs: SYNTHETIC_PERIOD_MS });
  return {
    name: "synthetic",
    described: `Made-up prices of ${symbols.length} symbols from seed ${seed}, ${
      speedInWords(settings.speed)
    }.`,
    instruments,
    ...onAndOff(asStream(ticks), settings),
  };
}

/** A stream at the pace of the settings, with its switch. */
function onAndOff(ticks: TickStream, settings: MarketSettings): Pick<OpenMarket, "stream" | "stop"> {
  const stop = new AbortController();
  const { speed, now } = settings;
  const stream = speed === Infinity
    ? unpaced(ticks, stop.signal)
    : paced(ticks, { speed, now, restamp: settings.restamp ?? true, signal: stop.signal });
  return { stream, stop: () => stop.abort() };
}

async function* mergeTicks(streams: readonly TickStream[]): TickStream {
  for await (const group of mergeByTime(streams, (tick) => tick.at)) {
    yield { at: group[0]!.at, quotes: group.flatMap((tick) => tick.quotes) };
  }
}

async function* asStream<T>(items: Iterable<T>): AsyncIterable<T> {
  yield* items;
}

/** Candles and trades of one symbol, or two files of its trades, would tell of one moment twice. */
function checkTradeFiles(files: readonly MarketFile[]): void {
  for (const { symbol } of files.filter((file) => file.kind === "trades")) {
    const own = files.filter((file) => file.symbol === symbol);
    if (own.length > 1) {
      const paths = own.map((file) => file.path).join(" and ");
      throw new MarketOptionError(
        `--market replay: ${symbol} has a file of trades, so it cannot have another: ${paths}`,
      );
    }
  }
}

function checkPace(settings: MarketSettings): void {
  if (!(settings.speed > 0)) throw new RangeError(`speed must be above zero, not ${settings.speed}`);
  if (settings.speed === Infinity && settings.restamp) {
    throw new RangeError("quotes cannot carry the wall clock at infinite speed: there is none to go by");
  }
}

function speedInWords(speed: number): string {
  return speed === Infinity
    ? "as fast as they are read"
    : speed === 1
    ? "in real time"
    : `at ${speed} times real time`;
}

function assertNever(option: never): never {
  throw new Error(`no such market: ${JSON.stringify(option)}`);
}
