import assert from "node:assert/strict";
import { FAULT_KINDS } from "../../simulator/faults/faults.ts";
import { reportOn, tellFailure } from "./report.ts";
import { runSeed, type SeedResult } from "./run_seed.ts";

/** The seeds of every build; `deno task simulate` runs as many more as wanted. */
const SEEDS = { first: 1, last: 14 };

Deno.test("live trading keeps its invariants under faults, crashes and restarts of every kind", async () => {
  const results: SeedResult[] = [];
  for (let seed = SEEDS.first; seed <= SEEDS.last; seed++) results.push(await runSeed(seed));
  assert.deepEqual(results.flatMap((result) => tellFailure(result, null)), []);
  const report = reportOn(results, 0);
  assert.equal(report.stuck, 0);
  assert.ok(report.orders >= 10 * results.length, `${report.orders} orders`);
  assert.ok(report.crashes >= results.length, `${report.crashes} crashes`);
  const unused = Object.keys(FAULT_KINDS).filter((kind) => report.faults[kind] === undefined);
  assert.deepEqual(unused, [], "every kind of fault was met");
});

Deno.test("a seed is the same story each time, step by step", async () => {
  const [one, two] = [await runSeed(7), await runSeed(7)];
  assert.deepEqual(one.events, two.events);
  assert.equal(one.hash, two.hash);
  assert.notEqual(one.hash, (await runSeed(8)).hash);
});
