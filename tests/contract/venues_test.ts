import assert from "node:assert/strict";
import { openBinanceWorld } from "./binance_world.ts";
import { comparable, type Difference, DIFFERENCES } from "./differences.ts";
import { openPaperWorld } from "./paper_world.ts";
import type { Rows } from "./rows.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import type { Scenario } from "./scenario.ts";
import type { World } from "./world.ts";

const seen = new Set<Difference>();
let paper: World;
let binance: World;

Deno.test.beforeAll(async () => {
  [paper, binance] = await Promise.all([openPaperWorld(), openBinanceWorld()]);
});
Deno.test.afterAll(async () => {
  await Promise.all([paper[Symbol.asyncDispose](), binance[Symbol.asyncDispose]()]);
});

for (const scenario of SCENARIOS) {
  Deno.test(`on paper and on Binance alike, ${scenario.name}`, async () => {
    // The next scene must not begin before both have ended.
    const plays = [played(scenario, paper), played(scenario, binance)] as const;
    await Promise.allSettled(plays);
    const [ours, theirs] = await Promise.all(plays);
    const named = DIFFERENCES.filter((it) => it.scenario === null || it.scenario === scenario.name);
    assert.deepEqual(comparable(theirs, named), comparable(ours, named));
    for (const one of named) if (isSeen(one, named, ours, theirs)) seen.add(one);
  });
}

Deno.test("no difference is named that is not there", () => {
  assert.deepEqual(DIFFERENCES.filter((it) => !seen.has(it)), []);
});

async function played(scenario: Scenario, world: World): Promise<Rows> {
  await world.begin();
  try {
    await scenario.play(world);
    return await world.rows();
  } finally {
    await world.end();
  }
}

/** Whether the rows would differ if that difference were not named. */
function isSeen(one: Difference, named: readonly Difference[], ours: Rows, theirs: Rows): boolean {
  const others = named.filter((it) => it !== one);
  try {
    assert.deepEqual(comparable(theirs, others), comparable(ours, others));
    return false;
  } catch {
    return true;
  }
}
