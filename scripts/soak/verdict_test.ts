import assert from "node:assert/strict";
import { allReached } from "../bench/result.ts";
import { afterWarmUp, driftOf, driftRow, mediansOfTenths, zeroRows } from "./verdict.ts";

function series(length: number, at: (n: number) => number): number[] {
  return Array.from({ length }, (_, n) => at(n));
}

Deno.test("a level that is kept passes, whatever the warm-up was and however a single sample stands out", () => {
  const samples = series(100, (n) => n < 10 ? 500 : n === 95 ? 900 : 100 + n % 3);
  assert.deepEqual(driftRow("memory", samples), {
    name: "memory",
    value: 0,
    unit: "%",
    target: "within ±10",
    pass: true,
  });
});

Deno.test("a series that grows misses, and so does one that falls: neither is flat", () => {
  const growing = driftRow("memory", series(100, (n) => 100 + n));
  assert.equal(growing.pass, false);
  assert.ok(growing.value! > 60);
  assert.equal(driftRow("memory", series(100, (n) => 300 - n)).pass, false);
  assert.equal(allReached([growing]), false);
});

Deno.test("ten percent is the border", () => {
  const endsAt = (last: number) => series(20, (n) => n < 18 ? 1_000 : last);
  assert.equal(driftRow("memory", endsAt(1_100)).pass, true);
  assert.equal(driftRow("memory", endsAt(1_101)).pass, false);
  assert.equal(driftRow("memory", endsAt(899)).pass, false);
});

Deno.test("of fewer than ten samples nothing is said", () => {
  assert.equal(driftOf(series(9, () => 1)), null);
  const { value, pass } = driftRow("memory", series(9, () => 1));
  assert.deepEqual([value, pass], [null, null]);
  assert.deepEqual(mediansOfTenths(series(9, () => 1)), []);
});

Deno.test("the first tenth is the warm-up, and each tenth has its median", () => {
  assert.deepEqual(afterWarmUp(series(20, (n) => n)), series(18, (n) => n + 2));
  assert.deepEqual(mediansOfTenths(series(20, (n) => n)).slice(0, 3), [0.5, 2.5, 4.5]);
});

Deno.test("a count that has to be zero misses with one", () => {
  assert.deepEqual(zeroRows("books_", "rows", { a: 0, b: 1 }).map(({ name, pass }) => [name, pass]), [
    ["books_a", true],
    ["books_b", false],
  ]);
});
