import { div, formatFixed as text, maxOf, minOf, ONE } from "../core/fixed.ts";
import { levelsOf } from "../engine/book.ts";
import type { Candle, Market } from "../engine/model.ts";
import { marketOf } from "../engine/orders.ts";
import { mergeCandles, MINUTE_MS, SECOND_MS } from "../engine/public_trades.ts";
import { Rejection } from "../engine/rejection.ts";
import { readMarkets } from "./market_params.ts";
import { notValid, type Params } from "./params.ts";
import { type Call, type Route, selectRows } from "./route.ts";
import type { Json } from "./wire.ts";

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** The epoch was a Thursday; weeks begin on Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

const INTERVALS: Readonly<Record<string, number>> = {
  "1s": SECOND_MS,
  "1m": MINUTE_MS,
  "3m": 3 * MINUTE_MS,
  "5m": 5 * MINUTE_MS,
  "15m": 15 * MINUTE_MS,
  "30m": 30 * MINUTE_MS,
  "1h": HOUR_MS,
  "2h": 2 * HOUR_MS,
  "4h": 4 * HOUR_MS,
  "6h": 6 * HOUR_MS,
  "8h": 8 * HOUR_MS,
  "12h": 12 * HOUR_MS,
  "1d": DAY_MS,
  "3d": 3 * DAY_MS,
  "1w": 7 * DAY_MS,
};

/** When the candle of `interval` that holds a moment begins, and when the next one does. */
function boundsOf(interval: string): (at: number) => readonly [number, number] {
  if (interval === "1M") {
    return (at) => {
      const day = new Date(at);
      const [year, month] = [day.getUTCFullYear(), day.getUTCMonth()];
      return [Date.UTC(year, month), Date.UTC(year, month + 1)];
    };
  }
  const length = INTERVALS[interval];
  if (length === undefined) throw new Rejection(-1120, "Invalid interval.");
  const offset = interval === "1w" ? FIRST_MONDAY_MS : 0;
  return (at) => {
    const start = at - (at - offset) % length;
    return [start, start + length];
  };
}

function prepareKlines({ params, state }: Call): () => Json {
  const market = marketOf(state, params.symbol());
  const interval = params.requiredText("interval");
  const bounds = boundsOf(interval);
  const limit = params.limit(500, 1_000);
  const range = { start: params.integer("startTime"), end: params.integer("endTime") };
  return () => {
    const candles = interval === "1s" ? market.seconds : market.candles;
    const merged = mergeCandles(candles, (at) => bounds(at)[0]);
    return selectRows(merged, ({ openTime }) => openTime, range, limit)
      .map((candle) => row(candle, bounds(candle.openTime)[1] - 1));
  };
}

function row(candle: Candle, closeTime: number): Json {
  return [
    candle.openTime,
    text(candle.open),
    text(candle.high),
    text(candle.low),
    text(candle.close),
    text(candle.volume),
    closeTime,
    text(candle.quoteVolume),
    candle.tradeCount,
    text(candle.takerBuyVolume),
    text(candle.takerBuyQuote),
    "0",
  ];
}

/** The last 24 hours of a market. */
function dayTicker(market: Market, now: number): Json {
  const day = market.candles.filter(({ openTime }) => openTime > now - DAY_MS);
  const { lastPrice } = market;
  const open = day[0]?.open ?? lastPrice;
  const volume = day.reduce((sum, candle) => sum + candle.volume, 0n);
  const quote = day.reduce((sum, candle) => sum + candle.quoteVolume, 0n);
  const last = market.trades.at(-1);
  const [bid, ask] = [levelsOf(market, "BUY", 1)[0], levelsOf(market, "SELL", 1)[0]];
  const count = day.reduce((sum, candle) => sum + candle.tradeCount, 0);
  return {
    symbol: market.rules.symbol,
    priceChange: text(lastPrice - open),
    priceChangePercent: text(open === 0n ? 0n : div((lastPrice - open) * 100n, open)).slice(0, -5),
    weightedAvgPrice: text(volume === 0n ? lastPrice : quote * ONE / volume),
    prevClosePrice: text(open),
    lastPrice: text(lastPrice),
    lastQty: text(last?.quantity ?? 0n),
    bidPrice: text(bid?.price ?? 0n),
    bidQty: text(bid?.quantity ?? 0n),
    askPrice: text(ask?.price ?? 0n),
    askQty: text(ask?.quantity ?? 0n),
    openPrice: text(open),
    highPrice: text(day.map(({ high }) => high).reduce(maxOf, lastPrice)),
    lowPrice: text(day.map(({ low }) => low).reduce(minOf, lastPrice)),
    volume: text(volume),
    quoteVolume: text(quote),
    openTime: now - DAY_MS,
    closeTime: now,
    firstId: count === 0 ? -1 : market.nextTradeId - count,
    lastId: count === 0 ? -1 : market.nextTradeId - 1,
    count,
  };
}

function dayWeight(params: Params): number {
  if (params.has("symbol")) return 2;
  const count = params.symbols()?.length ?? Infinity;
  if (count <= 20) return 2;
  return count <= 100 ? 40 : 80;
}

/** Built from candles. */
export const CANDLE_ROUTES: readonly Route[] = [
  { method: "GET", path: "/api/v3/klines", security: "none", weight: 2, prepare: prepareKlines },
  {
    method: "GET",
    path: "/api/v3/ticker/24hr",
    security: "none",
    weight: dayWeight,
    prepare: (call) => {
      const { markets, isSingle } = readMarkets(call);
      call.params.oneOf("type", ["FULL"], notValid("type"));
      return () =>
        isSingle ? dayTicker(markets[0]!, call.now()) : markets.map((one) => dayTicker(one, call.now()));
    },
  },
];
