import assert from "node:assert/strict";
import {
  allReached,
  atLeast,
  atMost,
  measured,
  renderTable,
  unmeasured,
} from "../../scripts/bench/result.ts";
import { median, percentile, rounded } from "../../scripts/bench/statistics.ts";

Deno.test("a percentile is the smallest sample that the share of all samples does not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.95), 95);
  assert.equal(percentile(hundred, 1), 100);
  assert.equal(percentile([7], 0.99), 7);
  assert.equal(percentile([1, 2, 3], 0), 1);
});

Deno.test("a percentile of few samples is one of them and never better than its share", () => {
  assert.equal(percentile([10, 20], 0.5), 10);
  assert.equal(percentile([10, 20], 0.51), 20);
});

Deno.test("samples are compared as numbers and stay in their order", () => {
  const samples = [100, 9, 20];
  assert.equal(percentile(samples, 0.5), 20);
  assert.equal(median(samples), 20);
  assert.deepEqual(samples, [100, 9, 20]);
});

Deno.test("a median of an even number of samples lies between the two in the middle", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

Deno.test("no samples give no figure", () => {
  assert.throws(() => percentile([], 0.5), /at least one sample/);
  assert.throws(() => median([]), /at least one sample/);
});

Deno.test("figures keep three digits, large ones all before the point", () => {
  assert.equal(rounded(1.23456), 1.23);
  assert.equal(rounded(0.00012345), 0.000123);
  assert.equal(rounded(99.96), 100);
  assert.equal(rounded(12_345.6), 12_346);
  assert.equal(rounded(0), 0);
});

Deno.test("a row has the five fields of the report, and its target says which side is right", () => {
  assert.deepEqual(measured("p50", 24.999, "ms", atMost(25)), {
    name: "p50",
    value: 25,
    unit: "ms",
    target: "<= 25",
    pass: true,
  });
  assert.deepEqual(measured("share", 4.2, "%", atLeast(4)).target, ">= 4");
  assert.deepEqual(measured("statement", 90, "ms"), {
    name: "statement",
    value: 90,
    unit: "ms",
    target: null,
    pass: null,
  });
});

Deno.test("a target is held against what was measured, not against what is shown", () => {
  assert.equal(measured("p50", 25.01, "ms", atMost(25)).value, 25);
  assert.equal(measured("p50", 25.01, "ms", atMost(25)).pass, false);
  assert.equal(measured("share", 3.999, "%", atLeast(4)).pass, false);
  assert.equal(measured("share", 4, "%", atLeast(4)).pass, true);
});

Deno.test("one missed target spoils the run, a row that could not be measured does not", () => {
  const reached = measured("a", 1, "s", atMost(6));
  const unknown = unmeasured("b", "s", atMost(6));
  assert.deepEqual(unknown, { name: "b", value: null, unit: "s", target: "<= 6", pass: null });
  assert.equal(allReached([reached, unknown]), true);
  assert.equal(allReached([reached, measured("c", 7, "s", atMost(6))]), false);
});

Deno.test("the table says of each target whether it is reached", () => {
  const table = renderTable([
    measured("fast", 1, "ms", atMost(25)),
    measured("slow", 26, "ms", atMost(25)),
    measured("plain", 5, "ms"),
    unmeasured("absent", "s", atMost(6)),
  ]);
  const line = (name: string) => table.split("\n").find((row) => row.startsWith(name));
  assert.match(line("fast")!, /1 +ms +<= 25 +reached$/);
  assert.match(line("slow")!, /MISSED$/);
  assert.match(line("plain")!, /5 +ms$/);
  assert.match(line("absent")!, /- +s +<= 6 +not measured$/);
});
