import assert from "node:assert/strict";
import type { Quote, Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import { MAX_LAG_MS, type Pace, paced, sleepReal, unpaced } from "./pacing.ts";
import { collect } from "./testing.ts";

const WALL = 1_800_000_000_000;

function tickAt(at: number): Tick {
  const quote: Quote = {
    symbol: "BTCUSDT",
    bid: "1",
    bidQty: "1",
    ask: "2",
    askQty: "1",
    last: "1",
    high: "1",
    low: "1",
    observedAt: at,
    source: "replay",
  };
  return { at, quotes: [quote] };
}

async function* ticksAt(...times: number[]): AsyncGenerator<Tick> {
  for (const at of times) yield await Promise.resolve(tickAt(at));
}

/** A clock that only sleeping and `pass` move. */
function fakeTime(speed: number, restamp = true) {
  let now = WALL;
  const switched = new AbortController();
  const slept: number[] = [];
  const pace: Pace = {
    speed,
    restamp,
    now: () => now,
    signal: switched.signal,
    sleep: (ms) => {
      slept.push(ms);
      now += ms;
      return Promise.resolve();
    },
  };
  return { pace, slept, switched, now: () => now, pass: (ms: number) => now += ms };
}

Deno.test("ticks come at market time divided by the speed, and carry the wall clock", async () => {
  const time = fakeTime(10);
  const stamps: number[] = [];
  for await (const tick of paced(ticksAt(0, 20_000, 40_000), time.pace)) {
    assert.equal(tick.at, time.now());
    assert.equal(tick.quotes[0]!.observedAt, tick.at);
    stamps.push(tick.at - WALL);
  }
  assert.deepEqual(stamps, [0, 2_000, 4_000]);
  assert.deepEqual(time.slept, [2_000, 2_000]);
});

Deno.test("without restamping the recorded times stay", async () => {
  const ticks = await collect(paced(ticksAt(0, 20_000), fakeTime(10, false).pace));
  assert.deepEqual(ticks, [tickAt(0), tickAt(20_000)]);
});

Deno.test("a long silence is waited for in pieces", async () => {
  const time = fakeTime(1);
  await collect(paced(ticksAt(0, 150_000), time.pace));
  assert.deepEqual(time.slept, [60_000, 60_000, 30_000]);
});

Deno.test("a reader a little late gets the next tick at once, stamped when it was due", async () => {
  const time = fakeTime(1);
  const stamps: number[] = [];
  for await (const tick of paced(ticksAt(0, 1_000, 2_000), time.pace)) {
    stamps.push(tick.at - WALL);
    if (stamps.length === 1) time.pass(1_500);
  }
  assert.deepEqual(stamps, [0, 1_000, 2_000]);
  assert.deepEqual(time.slept, [500]);
});

Deno.test("a reader far behind slows the market down: no tick is lost and the times keep rising", async () => {
  const time = fakeTime(1);
  const stamps: number[] = [];
  for await (const tick of paced(ticksAt(0, 1_000, 2_000, 3_000), time.pace)) {
    stamps.push(tick.at - WALL);
    if (stamps.length === 1) time.pass(1_000 + MAX_LAG_MS + 1);
  }
  assert.deepEqual(stamps, [0, 6_001, 7_001, 8_001]);
});

Deno.test("a stop ends a stream that waits for its next tick", async () => {
  const { pace, switched } = fakeTime(1);
  const waiting: Pace = {
    ...pace,
    sleep: (ms, signal) => {
      switched.abort();
      return sleepReal(ms, signal);
    },
  };
  assert.equal((await collect(paced(ticksAt(0, 600_000), waiting))).length, 1);
});

Deno.test("a stop ends an unpaced stream after the tick in hand", async () => {
  const stop = new AbortController();
  let count = 0;
  for await (const _ of unpaced(ticksAt(1, 2, 3), stop.signal)) {
    count++;
    stop.abort();
  }
  assert.equal(count, 1);
});
