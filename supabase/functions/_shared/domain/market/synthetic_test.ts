import assert from "node:assert/strict";
import { Decimal } from "decimal.js";
import fc from "fast-check";
import { instrumentFor, knownSymbols } from "./instruments.ts";
import { REGIME_KINDS, regimeAt } from "./regimes.ts";
import { syntheticInstruments, syntheticTicks } from "./synthetic.ts";

const base = { symbols: ["BTCUSDT", "DOGEUSDT"], startAt: 1_700_000_000_000, periodMs: 1_000 };

Deno.test("the same seed gives the same market, another seed another one", () => {
  const run = (seed: number) => [...syntheticTicks({ ...base, seed, steps: 200 })];
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
});

Deno.test("a symbol's path does not depend on its company", () => {
  const alone = [...syntheticTicks({ ...base, symbols: ["DOGEUSDT"], seed: 3, steps: 300 })];
  const together = [...syntheticTicks({ ...base, seed: 3, steps: 300 })];
  assert.deepEqual(alone.map((tick) => tick.quotes[0]), together.map((tick) => tick.quotes[1]));
});

Deno.test("every quote of every symbol obeys its instrument: on the tick, bid < ask, low <= last <= high", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      for (const tick of syntheticTicks({ ...base, symbols: knownSymbols(), seed, steps: 60 })) {
        for (const quote of tick.quotes) {
          const { tickSize, lotStep } = instrumentFor(quote.symbol);
          for (const price of [quote.bid, quote.ask, quote.last, quote.high, quote.low]) {
            assert.ok(
              new Decimal(price).gt(0) && new Decimal(price).mod(tickSize).isZero(),
              `${quote.symbol} ${price}`,
            );
          }
          assert.ok(new Decimal(quote.bidQty).mod(lotStep).isZero());
          assert.ok(new Decimal(quote.bid).lt(quote.ask));
          assert.ok(new Decimal(quote.low).lte(quote.last) && new Decimal(quote.last).lte(quote.high));
        }
      }
    }),
    { numRuns: 15 },
  );
});

Deno.test("ticks follow each other at the period, each with all symbols", () => {
  const ticks = [...syntheticTicks({ ...base, seed: 1, steps: 5, periodMs: 250 })];
  assert.deepEqual(ticks.map((tick) => tick.at - base.startAt), [0, 250, 500, 750, 1_000]);
  for (const tick of ticks) {
    assert.deepEqual(tick.quotes.map((quote) => [quote.symbol, quote.observedAt]), [
      ["BTCUSDT", tick.at],
      ["DOGEUSDT", tick.at],
    ]);
  }
});

Deno.test("between two quotes the extremes reach from one last price to the next, except over a gap", () => {
  let before: string | undefined;
  let gaps = 0;
  let step = 0;
  for (const { quotes: [quote] } of syntheticTicks({ ...base, seed: 5, steps: 4_000 })) {
    assert.ok(quote);
    const { regime, isFirst } = regimeAt(5, "BTCUSDT", step++);
    const jumped = isFirst && regime.kind === "gap";
    const joined = before === undefined ||
      (new Decimal(quote.low).lte(before) && new Decimal(quote.high).gte(before));
    assert.equal(joined, !jumped, `step ${step}`);
    if (jumped) {
      gaps++;
      const jump = new Decimal(quote.last).div(before!).minus(1).abs();
      assert.ok(jump.gt("0.004") && jump.lt("0.035"), `${jump}`);
    }
    before = quote.last;
  }
  assert.ok(gaps > 0, "no gap in 4000 steps");
});

Deno.test("within an hour or two a symbol goes through every regime", () => {
  const kinds = new Set(Array.from({ length: 7_200 }, (_, step) => regimeAt(1, "BTCUSDT", step).regime.kind));
  assert.deepEqual([...kinds].sort(), [...REGIME_KINDS].sort());
});

Deno.test("the spread is wider in the wide regime than in the tight one", () => {
  const widest: Record<string, Decimal> = {};
  let step = 0;
  for (const { quotes: [quote] } of syntheticTicks({ ...base, seed: 1, steps: 7_200 })) {
    const { kind } = regimeAt(1, "BTCUSDT", step++).regime;
    const spread = new Decimal(quote!.ask).minus(quote!.bid).div(quote!.bid);
    widest[kind] = Decimal.max(widest[kind] ?? 0, spread);
  }
  assert.ok(widest["wide"]!.gt(widest["tight"]!.mul(10)), `${widest["wide"]} and ${widest["tight"]}`);
});

Deno.test("a market without symbols, with one twice, an unknown one or a broken period is refused", () => {
  const start = (change: object) => () => syntheticTicks({ ...base, seed: 1, ...change }).next();
  assert.throws(start({ symbols: [] }), /at least one symbol/);
  assert.throws(start({ symbols: ["BTCUSDT", "BTCUSDT"] }), /each symbol once/);
  assert.throws(start({ periodMs: 0.5 }), /whole number of milliseconds/);
  assert.throws(() => syntheticInstruments(["NOSUCHUSDT"]), /not among the known/);
});
