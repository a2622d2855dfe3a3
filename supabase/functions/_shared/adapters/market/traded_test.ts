import assert from "node:assert/strict";
import type { Kline } from "../../contracts/market.ts";
import { tradedIn, windowSince } from "./traded.ts";

const NOW = 1_700_000_040_500;

function kline(openTime: number, low: string, high: string, close: string, volume = "1"): Kline {
  return { openTime, open: close, high, low, close, volume, closeTime: openTime + 999 };
}

Deno.test("up to a thousand seconds are covered by second candles from the second last seen", () => {
  const window = windowSince(NOW - 2_250, NOW);
  assert.deepEqual(window, { interval: "1s", startTime: 1_700_000_038_000, limit: 1_000 });
  assert.equal(windowSince(NOW - 999_000, NOW).interval, "1s");
});

Deno.test("a longer silence is covered by minute candles from the minute last seen", () => {
  const window = windowSince(NOW - 1_500_000, NOW);
  assert.deepEqual(window, { interval: "1m", startTime: 1_699_998_540_000, limit: 1_000 });
});

Deno.test("a silence beyond a thousand minutes is covered by the latest thousand", () => {
  const { startTime } = windowSince(0, NOW);
  assert.equal(startTime, 1_700_000_040_000 - 999 * 60_000);
});

Deno.test("without a former quote only the newest candle is asked for", () => {
  assert.deepEqual(windowSince(undefined, NOW), { interval: "1s", limit: 1 });
});

Deno.test("the extremes are those of all candles in which something was traded", () => {
  const klines = [
    kline(1, "9.9", "100.5", "50"),
    kline(2, "40", "60", "55"),
    kline(3, "1", "999", "52", "0.000"),
  ];
  assert.deepEqual(tradedIn(klines, true), { last: "52", high: "100.5", low: "9.9", until: 3 });
});

Deno.test("without a former quote, or without a trade, high and low are the last price", () => {
  const first = tradedIn([kline(1, "9", "11", "10")], false);
  assert.deepEqual([first?.high, first?.low], ["10", "10"]);
  const still = tradedIn([kline(1, "9", "11", "10", "0")], true);
  assert.deepEqual([still?.high, still?.low], ["10", "10"]);
  assert.equal(tradedIn([], true), undefined);
});
