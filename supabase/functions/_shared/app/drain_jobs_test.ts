import assert from "node:assert/strict";
import type { Job } from "../domain/job.ts";
import type { VenueCall } from "../domain/venue_call.ts";
import { type Engine, EngineError } from "../ports/engine.ts";
import { Drain, LANES, type Worker } from "./drain_jobs.ts";
import { DONE, FakeEngine, jobOf, WIDE_BUDGET, workerOf } from "./fake_engine.ts";

const ids = (count: number) => Array.from({ length: count }, (_, i) => jobOf(i + 1));

async function drainOf(engine: FakeEngine, elapsedMs?: () => number): Promise<Drain> {
  return new Drain(workerOf(engine, elapsedMs), await engine.claim("w1", LANES));
}

Deno.test("a drain executes every due job once and then says that nothing is due", async () => {
  const engine = new FakeEngine(ids(20));
  const drain = await drainOf(engine);
  assert.equal(await drain.run(), true);
  assert.deepEqual(engine.executed.toSorted((a, b) => a - b), ids(20).map(({ id }) => id));
  assert.deepEqual(drain.done, { paper: 20, live: 0, failed: 0 });
});

async function mostRunning(jobs: Job[]): Promise<number> {
  const engine = new FakeEngine(jobs, WIDE_BUDGET, async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return DONE;
  });
  assert.equal(await (await drainOf(engine)).run(), true);
  assert.equal(engine.executed.length, 30);
  return engine.mostRunning;
}

Deno.test("no more paper jobs run at once than there are lanes", async () => {
  assert.equal(await mostRunning(ids(30)), LANES);
});

Deno.test("live jobs, which wait for an exchange, share a lane by two", async () => {
  assert.equal(await mostRunning(Array.from({ length: 30 }, (_, i) => jobOf(i + 1, false))), 2 * LANES);
});

Deno.test("the entry that a command claimed on the way is executed by the same lane", async () => {
  const engine = new FakeEngine(
    [jobOf(1)],
    WIDE_BUDGET,
    (job) => ({ ...DONE, also: 2, next: job.id < 3 ? jobOf(job.id + 1) : null }),
  );
  const drain = await drainOf(engine);
  assert.equal(await drain.run(), true);
  assert.deepEqual(engine.executed, [1, 2, 3]);
  assert.equal(drain.done.paper, 9, "each command executed two further entries");
});

Deno.test("a used budget claims nothing more, finishes what it holds and asks for no next job", async () => {
  const engine = new FakeEngine(ids(10), { ...WIDE_BUDGET, paperJobs: 4 });
  const drain = new Drain(workerOf(engine), await engine.claim("w1", 4));
  assert.equal(await drain.run(), false);
  assert.deepEqual(engine.executed, [1, 2, 3, 4]);
  assert.equal(engine.queue.length, 6, "the rest stays queued for the successor");
  assert.equal(engine.nextFor.at(-1), null, "the last one asks for no next");
});

Deno.test("an invocation whose time is over stops claiming", async () => {
  const engine = new FakeEngine(ids(3), { ...WIDE_BUDGET, workMs: 10 });
  const drain = new Drain(workerOf(engine, () => 11), {
    jobs: [],
    isAttended: false,
    dueInMs: null,
    budget: engine.budget,
  });
  assert.equal(await drain.run(), false);
  assert.deepEqual(engine.executed, []);
});

Deno.test("live jobs have a budget of their own", async () => {
  const engine = new FakeEngine([jobOf(1, false), jobOf(2, false), jobOf(3, false)], {
    ...WIDE_BUDGET,
    liveJobs: 1,
  });
  const drain = new Drain(workerOf(engine), await engine.claim("w1", 1));
  assert.equal(await drain.run(), false);
  assert.deepEqual(drain.done, { paper: 0, live: 1, failed: 0 });
});

Deno.test("a refused job is reported with its code and the others go on", async () => {
  const refusal = new EngineError("FB500", "oversold", "oversold: a fill sells more than the position holds");
  const engine = new FakeEngine(ids(3), WIDE_BUDGET, (job) => {
    if (job.id === 2) throw refusal;
    return DONE;
  });
  const drain = await drainOf(engine);
  assert.equal(await drain.run(), true);
  assert.deepEqual(engine.executed, [1, 3]);
  assert.deepEqual(engine.failed, [{ job: 2, error: refusal }]);
  assert.equal(drain.done.failed, 1);
});

Deno.test("a comparison or an entry that stands in line for requests is no warning, all else is", async () => {
  const levels: string[] = [];
  for (const kind of ["sync", "enter", "exit", "protect"]) {
    for (const sqlstate of ["FB429", "FB500"]) {
      const engine = new FakeEngine([{ ...jobOf(1, false), kind }], WIDE_BUDGET, () => {
        throw new EngineError(sqlstate, "request_budget_exhausted", "the exchange would be asked too often");
      });
      const log: Worker["log"] = (level, event) => levels.push(`${kind} ${sqlstate} ${event}: ${level}`);
      await new Drain({ ...workerOf(engine), log }, await engine.claim("w1", LANES)).run();
      assert.equal(engine.failed[0]?.error.sqlstate, sqlstate, "reported all the same");
    }
  }
  assert.deepEqual(levels.filter((line) => line.endsWith("info")), [
    "sync FB429 job_failed: info",
    "enter FB429 job_failed: info",
  ]);
  assert.equal(levels.length, 8);
});

Deno.test("a failure that is no engine error is reported as an answer that never came", async () => {
  const engine = new FakeEngine([jobOf(1)], WIDE_BUDGET, () => {
    throw new TypeError("connection closed");
  });
  await (await drainOf(engine)).run();
  assert.equal(engine.failed[0]?.error.sqlstate, "NETWORK");
});

const CALL: VenueCall = {
  id: 7,
  environment: "testnet",
  symbol: "BTCUSDT",
  window: { timestampMs: 0, recvWindowMs: 1_000 },
  asked: { action: "cancel", request: "a-1" },
};

/** An engine whose first job makes calls, which this test's exchange cannot make, until `answer` says otherwise. */
function calling(answer: Engine["answer"]): FakeEngine {
  const calls = (job: Job) => job.id === 1 ? { ...DONE, outcome: "call", call: CALL } : DONE;
  return Object.assign(new FakeEngine([jobOf(1, false)], WIDE_BUDGET, calls), { answer });
}

Deno.test("a job goes from call to call until the engine has no other, and then to the next job", async () => {
  const answered: string[] = [];
  const engine = calling((job, callId, { outcome }) => {
    answered.push(`${job.id} ${callId} ${outcome}`);
    const isOver = answered.length === 3;
    return Promise.resolve({
      ...DONE,
      call: isOver ? null : { ...CALL, id: callId + 1 },
      next: isOver ? jobOf(2, false) : null,
    });
  });
  const drain = await drainOf(engine);
  assert.equal(await drain.run(), true);
  assert.deepEqual(answered, ["1 7 not_sent", "1 8 not_sent", "1 9 not_sent"]);
  assert.deepEqual(engine.executed, [1, 2]);
  assert.deepEqual(drain.done, { paper: 0, live: 2, failed: 0 });
});

Deno.test("an answer that the engine refuses ends the job, which is reported", async () => {
  const lost = new EngineError("FB409", "fence_lost", "fence_lost: somebody else holds the job");
  const engine = calling(() => Promise.reject(lost));
  assert.equal(await (await drainOf(engine)).run(), true);
  assert.deepEqual(engine.failed, [{ job: 1, error: lost }]);
});

Deno.test("a report says whether its worker takes on more once its call is over, not before it", async () => {
  let elapsedMs = 0;
  const taking: (string | null)[] = [];
  const engine = calling((_job, _callId, _answer, nextFor) => {
    taking.push(nextFor);
    return Promise.resolve(taking.length === 3 ? DONE : { ...DONE, call: CALL });
  });
  const slow = {
    ...workerOf(engine, () => elapsedMs),
    exchange: { ...workerOf(engine).exchange, venueOf: slowVenue },
  };
  function slowVenue(): never {
    elapsedMs += 25_000;
    throw new Error("this exchange takes its time");
  }
  assert.equal(await new Drain(slow, await engine.claim("w1", 1)).run(), false);
  assert.deepEqual(taking, ["w1", "w1", null]);
});
