import assert from "node:assert/strict";
import fc from "fast-check";
import { ManualClock } from "./clock.ts";
import { decodeState, encodeState } from "./codec.ts";
import { div, fixed, floorToStep, formatFixed, formatShort, mul, readFixed } from "./fixed.ts";
import { nextChance, nextInt, randomFrom } from "./random.ts";

const anyFixed = fc.bigInt({ min: 0n, max: 10n ** 20n });

Deno.test("every amount is read back as it was written", () => {
  fc.assert(fc.property(anyFixed, (value) => {
    assert.equal(fixed(formatFixed(value)), value);
    assert.equal(fixed(formatShort(value)), value);
  }));
});

Deno.test("what is no plain decimal of eight places is told apart from one that is too precise", () => {
  for (const text of ["", "-1", "1e5", ".5", "1.", "0x1", "NaN", " 1", "1,5", "1".repeat(21)]) {
    assert.equal(readFixed(text), "malformed", text);
  }
  assert.equal(readFixed("0.000000001"), "too_precise");
  assert.equal(readFixed("0.00000001"), 1n);
  assert.throws(() => fixed("1e5"), RangeError);
});

Deno.test("products and quotients are rounded down, steps are never exceeded", () => {
  fc.assert(fc.property(anyFixed, fc.bigInt({ min: 1n, max: 10n ** 12n }), (a, b) => {
    assert.ok(mul(a, b) * 100_000_000n <= a * b);
    assert.ok(mul(div(a, b), b) <= a);
    const floored = floorToStep(a, b);
    assert.ok(floored <= a && a - floored < b && floored % b === 0n);
  }));
  assert.equal(floorToStep(7n, 0n), 7n);
});

Deno.test("a generator repeats itself by seed and purpose, and stays in its bounds", () => {
  const draw = (seed: number, purpose: string) => {
    const random = randomFrom(seed, purpose);
    return Array.from({ length: 1_000 }, () => nextInt(random, 10));
  };
  assert.deepEqual(draw(7, "market"), draw(7, "market"));
  assert.notDeepEqual(draw(7, "market"), draw(7, "faults"));
  assert.deepEqual([...new Set(draw(7, "market"))].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const random = randomFrom(1, "chance");
  const hits = Array.from({ length: 10_000 }, () => nextChance(random, 0.25)).filter(Boolean).length;
  assert.ok(hits > 2_200 && hits < 2_800, `${hits} of 10,000`);
  assert.equal(nextChance(random, 0), false);
  assert.equal(nextChance(random, 1), true);
});

Deno.test("who sleeps wakes up when the clock gets there, in order", async () => {
  const clock = new ManualClock(1_000);
  const woken: string[] = [];
  const sleepers = [["late", 20], ["early", 10], ["never", 30]] as const;
  for (const [name, ms] of sleepers) void clock.sleep(ms).then(() => woken.push(name));
  clock.advance(20);
  await Promise.resolve();
  assert.deepEqual(woken, ["early", "late"]);
  assert.equal(clock.now(), 1_020);
  assert.throws(() => clock.advance(-1), RangeError);
});

Deno.test("amounts, maps and sets survive as what they are", () => {
  const state = { amount: 5n, map: new Map([["a", { n: 1n }]]), set: new Set([1, 2]), list: [1n, null, "x"] };
  assert.deepEqual(decodeState(encodeState(state)), state);
});
