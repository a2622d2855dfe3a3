import assert from "node:assert/strict";
import { Decimal } from "decimal.js";
import fc from "fast-check";
import { bookAround, checkBookModel, DEFAULT_BOOK_MODEL } from "./book.ts";
import { gridOf, ticksToPrice } from "./grid.ts";
import { randomFor } from "./prng.ts";

const grid = gridOf({ symbol: "XYZUSDT", tickSize: "0.05", lotStep: "0.002" });

const model = fc.record({
  halfSpreadPpm: fc.integer({ min: 0, max: 5_000 }),
  rangePercent: fc.integer({ min: 0, max: 50 }),
  levels: fc.integer({ min: 1, max: 12 }),
  levelGapPpm: fc.integer({ min: 0, max: 5_000 }),
  depthPercent: fc.integer({ min: 0, max: 100 }),
  showDepth: fc.boolean(),
});

const input = fc.record({
  last: fc.bigInt({ min: 1n, max: 10n ** 9n }),
  lastIs: fc.constantFrom("bid" as const, "ask" as const),
  range: fc.bigInt({ min: 0n, max: 10n ** 6n }),
  volume: fc.bigInt({ min: 0n, max: 10n ** 12n }),
});

Deno.test("a book has bid < ask around the last trade, on the tick and on the step, whatever the model", () => {
  fc.assert(fc.property(model, input, fc.integer(), (model, input, seed) => {
    const book = bookAround(grid, model, input, randomFor(seed));
    const last = ticksToPrice(grid, input.last);
    assert.ok(new Decimal(book.bid).lt(book.ask), `${book.bid} < ${book.ask}`);
    assert.ok(new Decimal(book.bid).lte(last) && new Decimal(book.ask).gte(last));
    for (const price of [book.bid, book.ask]) {
      assert.ok(new Decimal(price).gt(0) && new Decimal(price).mod("0.05").isZero(), price);
    }
    for (const quantity of [book.bidQty, book.askQty]) {
      assert.ok(new Decimal(quantity).gte("0.002") && new Decimal(quantity).mod("0.002").isZero(), quantity);
    }
  }));
});

Deno.test("the depth starts at the best prices and gets worse level by level", () => {
  fc.assert(fc.property(model, input, fc.integer(), (model, input, seed) => {
    const { depth, ...best } = bookAround(grid, { ...model, showDepth: true }, input, randomFor(seed));
    assert.ok(depth);
    assert.deepEqual([depth.bids[0], depth.asks[0]], [[best.bid, best.bidQty], [best.ask, best.askQty]]);
    assert.equal(depth.asks.length, model.levels);
    assert.ok(depth.bids.length >= 1 && depth.bids.length <= model.levels);
    depth.bids.slice(1).forEach(([price], i) => assert.ok(new Decimal(price).lt(depth.bids[i]![0])));
    depth.asks.slice(1).forEach(([price], i) => assert.ok(new Decimal(price).gt(depth.asks[i]![0])));
  }));
});

Deno.test("one side holds the model's share of the minute's volume, give or take the jitter", () => {
  const model = { ...DEFAULT_BOOK_MODEL, depthPercent: 20, levels: 50 };
  const book = bookAround(
    grid,
    model,
    { last: 100_000n, lastIs: "bid", range: 0n, volume: 1_000_000n },
    randomFor("share"),
  );
  const sum = book.depth!.bids.reduce((total, [, quantity]) => total.plus(quantity), new Decimal(0));
  assert.ok(sum.gt(320) && sum.lt(480), `${sum} of 400`);
});

Deno.test("a running market has a wider spread than a quiet one", () => {
  const at = (range: bigint) => {
    const book = bookAround(
      grid,
      DEFAULT_BOOK_MODEL,
      { last: 1_000_000n, lastIs: "bid", range, volume: 1_000n },
      randomFor("same"),
    );
    return new Decimal(book.ask).minus(book.bid);
  };
  assert.ok(at(50_000n).gt(at(0n)));
});

Deno.test("a book model out of range is refused by name", () => {
  assert.throws(
    () => checkBookModel({ ...DEFAULT_BOOK_MODEL, levels: 0 }),
    /levels must be an integer from 1 to 100/,
  );
  assert.throws(() => checkBookModel({ ...DEFAULT_BOOK_MODEL, halfSpreadPpm: 0.5 }), /halfSpreadPpm/);
  checkBookModel(DEFAULT_BOOK_MODEL);
});
