import assert from "node:assert/strict";
import { Decimal } from "decimal.js";
import fc from "fast-check";
import { DEFAULT_BOOK_MODEL } from "./book.ts";
import { candlePath, candleQuotes } from "./candle_path.ts";
import { gridOf } from "./grid.ts";
import { instrumentFor } from "./instruments.ts";
import type { Candle } from "./types.ts";
import { fromUnits } from "./units.ts";

const MINUTE = 1_621_425_600_000;
const grid = gridOf(instrumentFor("BTCUSDT"));

/** Candles of whole cents whose open and close lie within low and high. */
const candles: fc.Arbitrary<Candle> = fc.record({
  low: fc.bigInt({ min: 1n, max: 10_000_000n }),
  range: fc.bigInt({ min: 0n, max: 1_000_000n }),
  openShare: fc.bigInt({ min: 0n, max: 100n }),
  closeShare: fc.bigInt({ min: 0n, max: 100n }),
  volume: fc.bigInt({ min: 1n, max: 10n ** 9n }),
}).map(({ low, range, openShare, closeShare, volume }) => ({
  symbol: "BTCUSDT",
  interval: "1m",
  openTime: MINUTE,
  open: fromUnits(low + (range * openShare) / 100n, 2),
  high: fromUnits(low + range, 2),
  low: fromUnits(low, 2),
  close: fromUnits(low + (range * closeShare) / 100n, 2),
  volume: fromUnits(volume, 5),
}));

const seeds = fc.integer({ min: 0, max: 2 ** 31 });

for (const ticksPerCandle of [1, 4] as const) {
  const options = { ticksPerCandle, model: DEFAULT_BOOK_MODEL };

  Deno.test(`${ticksPerCandle} quotes a candle stay within low and high, touch both, and end at the close`, () => {
    fc.assert(fc.property(candles, seeds, (candle, seed) => {
      const quotes = candleQuotes(candle, grid, { ...options, seed });
      assert.equal(quotes.length, ticksPerCandle);
      assert.ok(Decimal.max(...quotes.map((quote) => quote.high)).eq(candle.high));
      assert.ok(Decimal.min(...quotes.map((quote) => quote.low)).eq(candle.low));
      assert.equal(quotes.at(-1)!.last, candle.close);
      for (const quote of quotes) {
        assert.ok(new Decimal(quote.low).lte(quote.last) && new Decimal(quote.last).lte(quote.high));
        assert.ok(new Decimal(quote.bid).lt(quote.ask));
        for (const price of [quote.bid, quote.ask, quote.last, quote.high, quote.low]) {
          assert.ok(new Decimal(price).mod("0.01").isZero(), price);
        }
      }
    }));
  });

  Deno.test(`${ticksPerCandle} quotes a candle are the same for the same seed`, () => {
    fc.assert(fc.property(candles, seeds, (candle, seed) => {
      const [once, again] = [0, 0].map(() => candleQuotes(candle, grid, { ...options, seed }));
      assert.deepEqual(once, again);
    }));
  });

  Deno.test(`another seed gives other books around the same trades with ${ticksPerCandle} quotes a candle`, () => {
    const candle = fc.sample(candles, { numRuns: 1, seed: 7 })[0]!;
    const [one, two] = [1, 2].map((seed) => candleQuotes(candle, grid, { ...options, seed }));
    assert.deepEqual(one!.map((quote) => quote.last), two!.map((quote) => quote.last));
    assert.notDeepEqual(one, two);
  });
}

Deno.test("a rising candle goes to its low first, a falling one to its high", () => {
  const rising = candlePath({ openTime: MINUTE, open: 5n, high: 9n, low: 2n, close: 6n }, 4);
  const falling = candlePath({ openTime: MINUTE, open: 6n, high: 9n, low: 2n, close: 5n }, 4);
  assert.deepEqual(rising.map((point) => point.last), [5n, 2n, 9n, 6n]);
  assert.deepEqual(falling.map((point) => point.last), [6n, 9n, 2n, 5n]);
  assert.deepEqual(rising.map((point) => point.at - MINUTE), [0, 20_000, 40_000, 59_999]);
});

Deno.test("each point carries the prices passed since the point before, and the open only its own", () => {
  const path = candlePath({ openTime: MINUTE, open: 5n, high: 9n, low: 2n, close: 6n }, 4);
  assert.deepEqual(path.map((point) => [point.low, point.high]), [[5n, 5n], [2n, 5n], [2n, 9n], [6n, 9n]]);
});

Deno.test("a low is sold into the bid and a high is bought at the ask", () => {
  fc.assert(fc.property(candles, seeds, (candle, seed) => {
    const quotes = candleQuotes(candle, grid, { seed, ticksPerCandle: 4, model: DEFAULT_BOOK_MODEL });
    const inner = quotes.slice(1, 3);
    const rising = new Decimal(candle.close).gte(candle.open);
    const [low, high] = rising ? inner : inner.toReversed();
    assert.equal(low!.bid, candle.low);
    if (new Decimal(candle.high).gt("0.01")) assert.equal(high!.ask, candle.high);
  }));
});

Deno.test("a candle without volume gives no quote: nobody traded", () => {
  const halted = { ...fc.sample(candles, 1)[0]!, volume: "0" };
  assert.deepEqual(candleQuotes(halted, grid, { seed: 1, ticksPerCandle: 4, model: DEFAULT_BOOK_MODEL }), []);
});
