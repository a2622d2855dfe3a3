import assert from "node:assert/strict";
import { randomFor } from "./prng.ts";

function draw(count: number, ...parts: (string | number)[]): number[] {
  const random = randomFor(...parts);
  return Array.from({ length: count }, () => random.next());
}

Deno.test("the same parts give the same sequence on every run and machine", () => {
  assert.deepEqual(draw(4, 1, "BTCUSDT", 0), draw(4, 1, "BTCUSDT", 0));
  assert.deepEqual(draw(3, 1, "BTCUSDT", 0), [2290312111, 1300106745, 3842766081]);
});

Deno.test("sequences differ when any part differs, or when parts are cut elsewhere", () => {
  const seen = new Set(
    [draw(2, 1, "a"), draw(2, 2, "a"), draw(2, 1, "b"), draw(2, "1a"), draw(2, "a", "bc"), draw(2, "ab", "c")]
      .map(
        String,
      ),
  );
  assert.equal(seen.size, 6);
});

Deno.test("below() covers its range evenly", () => {
  const random = randomFor("even");
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) counts[random.below(10)]!++;
  for (const count of counts) assert.ok(count > 850 && count < 1_150, String(counts));
});

Deno.test("below() refuses a bound it cannot serve", () => {
  for (const bound of [0, -1, 1.5, 2 ** 21]) assert.throws(() => randomFor("x").below(bound), RangeError);
});

Deno.test("bell() has mean 0 and standard deviation 1000", () => {
  const random = randomFor("bell");
  const values = Array.from({ length: 20_000 }, () => random.bell());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  assert.ok(Math.abs(mean) < 30, `mean ${mean}`);
  assert.ok(Math.abs(deviation - 1000) < 30, `deviation ${deviation}`);
});
