import assert from "node:assert/strict";
import fc from "fast-check";
import { mergeByTime } from "./merge.ts";
import { collect } from "./testing.ts";

async function* streamOf(times: readonly number[], closed: { count: number }): AsyncGenerator<number> {
  try {
    for (const time of times) yield await Promise.resolve(time);
  } finally {
    closed.count++;
  }
}

const risingTimes = fc.uniqueArray(fc.integer({ min: 0, max: 50 })).map((times) =>
  times.sort((a, b) => a - b)
);

Deno.test("merged groups rise in time and hold every item of every stream exactly once", async () => {
  await fc.assert(fc.asyncProperty(fc.array(risingTimes, { maxLength: 5 }), async (streams) => {
    const closed = { count: 0 };
    const groups = await collect(
      mergeByTime(streams.map((times) => streamOf(times, closed)), (time) => time),
    );
    const times = groups.map((group) => group[0]!);
    assert.deepEqual(times, [...new Set(streams.flat())].sort((a, b) => a - b));
    for (const group of groups) assert.equal(new Set(group).size, 1);
    assert.deepEqual(groups.flat(), streams.flat().sort((a, b) => a - b));
    assert.equal(closed.count, streams.length);
  }));
});

Deno.test("a merge that is left early closes all its streams", async () => {
  const closed = { count: 0 };
  for await (const _ of mergeByTime([streamOf([1, 2], closed), streamOf([1, 3], closed)], (time) => time)) {
    break;
  }
  assert.equal(closed.count, 2);
});
