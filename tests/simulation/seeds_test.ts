import assert from "node:assert/strict";
import { FAULT_KINDS } from "../../simulator/faults/faults.ts";
import { reportOn, tellFailure } from "./report.ts";
import { runSeed, type SeedResult } from "./run_seed.ts";

/** The seeds of every build: so many, and more until each kind of fault was met. `deno task simulate` runs any others. */
const SEEDS = { first: 1, least: 12, most: 40 };
/**
 * Seeds that failed once: a target executed but for a lot step, whose rest was booked as dust too early; an entry's late
 * fill under a stop that had fired before.
 */
const FAILED_ONCE = [1445, 1533, 958];

Deno.test("live trading keeps its invariants under faults, crashes and restarts of every kind", async () => {
  const results: SeedResult[] = [];
  for (let seed = SEEDS.first; seed <= SEEDS.most; seed++) {
    results.push(await runSeed(seed));
    if (seed >= SEEDS.least && unmet(results).length === 0) break;
  }
  assert.deepEqual(results.flatMap((result) => tellFailure(result, null)), []);
  const report = reportOn(results, 0);
  assert.equal(report.stuck, 0);
  assert.ok(report.orders >= 10 * results.length, `${report.orders} orders`);
  assert.ok(report.crashes >= results.length, `${report.crashes} crashes`);
  assert.deepEqual(unmet(results), [], "every kind of fault was met");
});

for (const seed of FAILED_ONCE) {
  Deno.test(`seed ${seed} keeps its invariants, which it broke once`, async () => {
    assert.deepEqual(tellFailure(await runSeed(seed), null), []);
  });
}

/** Kinds of faults that no seed has met yet. */
function unmet(results: readonly SeedResult[]): string[] {
  const { faults } = reportOn(results, 0);
  return Object.keys(FAULT_KINDS).filter((kind) => faults[kind] === undefined);
}

Deno.test("a seed is the same story each time, step by step", async () => {
  const [one, two] = [await runSeed(7), await runSeed(7)];
  assert.deepEqual(one.events, two.events);
  assert.equal(one.hash, two.hash);
  assert.notEqual(one.hash, (await runSeed(8)).hash);
});
