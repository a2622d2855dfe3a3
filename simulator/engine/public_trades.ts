import { div, type Fixed, maxOf, minOf, mul } from "../core/fixed.ts";
import type { Candle, Market, PublicTrade } from "./model.ts";

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
/** Of the newest, for `trades` and `aggTrades`. */
const TRADES_KEPT = 5_000;
/** Candles of a minute are as old as this at most (ms): a week. */
const MINUTES_KEPT_MS = 7 * 24 * 60 * MINUTE_MS;
/** And those of a second: an hour. */
const SECONDS_KEPT_MS = 60 * MINUTE_MS;

/** Enters a trade into what everybody sees: the last price, the trades and the candles. Returns its id. */
export function publishTrade(
  market: Market,
  trade: Omit<PublicTrade, "id">,
): number {
  const id = market.nextTradeId++;
  market.lastPrice = trade.price;
  market.trades.push({ id, ...trade });
  if (market.trades.length > 2 * TRADES_KEPT) market.trades.splice(0, TRADES_KEPT);
  addToCandle(candleAt(market.candles, MINUTE_MS, trade, MINUTES_KEPT_MS), trade);
  addToCandle(candleAt(market.seconds, SECOND_MS, trade, SECONDS_KEPT_MS), trade);
  return id;
}

/** The candle that a trade belongs to, begun where it is the first one. */
function candleAt(
  candles: Candle[],
  lengthMs: number,
  { at, price }: Omit<PublicTrade, "id">,
  keptMs: number,
): Candle {
  const openTime = at - at % lengthMs;
  const newest = candles.at(-1);
  if (newest !== undefined && newest.openTime >= openTime) return newest;
  const candle: Candle = {
    openTime,
    open: price,
    high: price,
    low: price,
    close: price,
    volume: 0n,
    quoteVolume: 0n,
    tradeCount: 0,
    takerBuyVolume: 0n,
    takerBuyQuote: 0n,
  };
  candles.push(candle);
  while (candles[0]!.openTime <= openTime - keptMs) candles.shift();
  return candle;
}

function addToCandle(candle: Candle, { price, quantity, isBuyerMaker }: Omit<PublicTrade, "id">): void {
  const quote = mul(price, quantity);
  candle.high = maxOf(candle.high, price);
  candle.low = minOf(candle.low, price);
  candle.close = price;
  candle.volume += quantity;
  candle.quoteVolume += quote;
  candle.tradeCount++;
  if (isBuyerMaker) return;
  candle.takerBuyVolume += quantity;
  candle.takerBuyQuote += quote;
}

/** Volume-weighted price of the last minutes; the last price where nothing was traded, or where it is asked for. */
export function averagePrice(market: Market, minutes: number, now: number): Fixed {
  let [volume, quote] = [0n, 0n];
  for (let i = market.candles.length - 1; i >= 0; i--) {
    const candle = market.candles[i]!;
    if (candle.openTime <= now - minutes * MINUTE_MS) break;
    volume += candle.volume;
    quote += candle.quoteVolume;
  }
  return volume === 0n || quote === 0n ? market.lastPrice : div(quote, volume);
}

/** Candles of other intervals, merged from shorter ones; an interval without a trade has none. */
export function mergeCandles(candles: readonly Candle[], openTimeOf: (at: number) => number): Candle[] {
  const merged: Candle[] = [];
  for (const candle of candles) {
    const openTime = openTimeOf(candle.openTime);
    const last = merged.at(-1);
    if (last?.openTime !== openTime) merged.push({ ...candle, openTime });
    else {
      last.high = maxOf(last.high, candle.high);
      last.low = minOf(last.low, candle.low);
      last.close = candle.close;
      last.volume += candle.volume;
      last.quoteVolume += candle.quoteVolume;
      last.tradeCount += candle.tradeCount;
      last.takerBuyVolume += candle.takerBuyVolume;
      last.takerBuyQuote += candle.takerBuyQuote;
    }
  }
  return merged;
}
