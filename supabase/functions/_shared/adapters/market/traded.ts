import { Decimal } from "decimal.js";
import type { Kline } from "../../contracts/market.ts";
import { isZero } from "../../domain/market/units.ts";

/** Binance's largest list of klines per question. */
export const MAX_KLINES = 1_000;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Which klines to ask for; without `startTime` the newest one. */
export interface KlineWindow {
  readonly interval: "1s" | "1m";
  readonly startTime?: number;
  readonly limit: number;
}

/**
 * The klines that cover everything traded since a moment: Binance Spot has one-second candles, so one question of
 * weight 2 per symbol finds every wick between two polls. A candle can only be taken whole: the window begins up to
 * a second early, and up to a minute early when more than 1 000 seconds have gone by and minutes must do. Beyond
 * 1 000 minutes the oldest are left out.
 */
export function windowSince(since: number | undefined, now: number): KlineWindow {
  if (since === undefined) return { interval: "1s", limit: 1 };
  const seconds = startOf(since, SECOND_MS);
  if (now - seconds < MAX_KLINES * SECOND_MS) {
    return { interval: "1s", startTime: seconds, limit: MAX_KLINES };
  }
  const earliest = startOf(now, MINUTE_MS) - (MAX_KLINES - 1) * MINUTE_MS;
  const startTime = Math.max(startOf(since, MINUTE_MS), earliest);
  return { interval: "1m", startTime, limit: MAX_KLINES };
}

/** Last price and extremes of a window. */
export interface Traded {
  readonly last: string;
  readonly high: string;
  readonly low: string;
  /** Open time of the newest candle, by the exchange's clock: where the next window begins. */
  readonly until: number;
}

/**
 * What was traded in klines that rise in time. Candles without volume repeat the last price and count for nothing
 * else; in a window without any trade, or when `extremes` is false, high and low are the last price.
 * Undefined for an empty list.
 */
export function tradedIn(klines: readonly Kline[], extremes: boolean): Traded | undefined {
  const newest = klines.at(-1);
  if (!newest) return undefined;
  let [high, low] = [newest.close, newest.close];
  for (const kline of extremes ? klines : []) {
    if (isZero(kline.volume)) continue;
    if (new Decimal(kline.high).gt(high)) high = kline.high;
    if (new Decimal(kline.low).lt(low)) low = kline.low;
  }
  return { last: newest.close, high, low, until: newest.openTime };
}

function startOf(time: number, length: number): number {
  return time - (time % length);
}
