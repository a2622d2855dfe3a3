import assert from "node:assert/strict";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import { MarketError, type MarketSource } from "../../supabase/functions/_shared/ports/market.ts";
import { polled, pollEveryMs } from "./polling.ts";
import { collect } from "./testing.ts";

const QUOTE: Quote = {
  symbol: "BTCUSDT",
  bid: "1",
  bidQty: "1",
  ask: "2",
  askQty: "1",
  last: "1",
  high: "1",
  low: "1",
  observedAt: 0,
  source: "binance",
};

/** Polls a source that gives these outcomes in turn and then stops; tells what was waited and logged. */
async function poll(outcomes: readonly (Quote[] | Error)[]) {
  const stop = new AbortController();
  const waited: number[] = [];
  const lines: string[] = [];
  let calls = 0;
  let now = 0;
  const source: MarketSource = {
    name: "binance",
    instruments: () => Promise.resolve([]),
    quotes: () => {
      const outcome = outcomes[calls++]!;
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
  };
  const ticks = await collect(polled(source, {
    symbols: ["BTCUSDT"],
    everyMs: 2_000,
    now: () => now,
    signal: stop.signal,
    log: (line) => lines.push(line),
    sleep: (ms) => {
      waited.push(ms);
      now += ms;
      if (calls === outcomes.length) stop.abort();
      return Promise.resolve();
    },
  }));
  return { ticks, waited, lines };
}

const down = () => new MarketError("unreachable", "book ticker failed");

Deno.test("polls follow each other at the period, one tick each", async () => {
  const { ticks, waited } = await poll([[QUOTE], [QUOTE]]);
  assert.deepEqual(ticks.map((tick) => tick.at), [0, 2_000]);
  assert.equal(waited[0], 2_000);
});

Deno.test("a poll without quotes is no tick", async () => {
  const { ticks } = await poll([[], [QUOTE]]);
  assert.equal(ticks.length, 1);
});

Deno.test("failures are retried ever more slowly, said once, and their end is said", async () => {
  const { ticks, waited, lines } = await poll([down(), down(), down(), [QUOTE]]);
  assert.equal(ticks.length, 1);
  assert.deepEqual(waited.slice(0, 3), [1_000, 2_000, 4_000]);
  assert.deepEqual(lines, ["no prices: book ticker failed", "binance answers again after 3 failed polls"]);
});

Deno.test("the wait between failed polls has an upper limit", async () => {
  const { waited } = await poll([...Array.from({ length: 8 }, down), [QUOTE]]);
  assert.equal(waited[7], 30_000);
});

Deno.test("a source that asks for silence gets it", async () => {
  const { waited } = await poll([new MarketError("limited", "too many", { retryAfterMs: 45_000 }), [QUOTE]]);
  assert.equal(waited[0], 45_000);
});

Deno.test("a bug in a source is not retried", async () => {
  await assert.rejects(poll([new TypeError("bug"), [QUOTE]]), TypeError);
});

Deno.test("many symbols are polled less often, within a fifth of the exchange's weight limit", () => {
  assert.equal(pollEveryMs(6), 2_000);
  assert.equal(pollEveryMs(50), 5_200);
});
