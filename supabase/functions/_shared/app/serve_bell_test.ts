import assert from "node:assert/strict";
import type { JobOutcome, WorkerBudget } from "../domain/job.ts";
import type { Listening, Wakeups } from "../ports/wakeups.ts";
import { DONE, FakeEngine, jobOf, WIDE_BUDGET, workerOf } from "./fake_engine.ts";
import { serveBell } from "./serve_bell.ts";

/** Announces as often as told, each time after `onWait`, and then is silent. */
class FakeWakeups implements Wakeups {
  readonly patience: number[] = [];
  left = 0;
  constructor(
    readonly announcements: number,
    readonly onWait: () => void = () => {},
    readonly isTaken = false,
  ) {}

  listen(patienceMs: number): Promise<Listening | null> {
    this.patience.push(patienceMs);
    if (this.isTaken) return Promise.resolve(null);
    let heard = 0;
    return Promise.resolve({
      announced: () => {
        this.onWait();
        return Promise.resolve(heard++ < this.announcements);
      },
      leave: () => {
        this.left++;
        return Promise.resolve();
      },
    });
  }
}

interface Served {
  readonly engine: FakeEngine;
  readonly wakeups: FakeWakeups;
  readonly isSuccessor?: boolean;
}

async function serve({ engine, wakeups, isSuccessor = false }: Served): Promise<number> {
  let rung = 0;
  const ringSuccessor = () => {
    rung++;
    return Promise.resolve();
  };
  const worker = workerOf(engine);
  await serveBell({ worker, wakeups, ringSuccessor, isSuccessor }, await engine.claim("w1", 6));
  return rung;
}

Deno.test("an invocation with nothing to do ends at once when somebody listens", async () => {
  const engine = new FakeEngine([]);
  engine.isAttended = true;
  const wakeups = new FakeWakeups(0);
  assert.equal(await serve({ engine, wakeups }), 0);
  assert.deepEqual(wakeups.patience, [], "no session was opened");
});

Deno.test("a bell that was given nothing leaves what is queued to the listener", async () => {
  const engine = new FakeEngine([jobOf(1)]);
  const wakeups = new FakeWakeups(0);
  const given = { jobs: [], isAttended: true, dueInMs: null, budget: WIDE_BUDGET };
  const invocation = {
    worker: workerOf(engine),
    wakeups,
    ringSuccessor: () => Promise.resolve(),
    isSuccessor: false,
  };
  await serveBell(invocation, given);
  assert.deepEqual(engine.executed, []);
  await serveBell({ ...invocation, isSuccessor: true }, given);
  assert.deepEqual(engine.executed, [1], "a successor takes over the work with the place");
});

Deno.test("while nobody listens the invocation stays awake and works at each announcement", async () => {
  const engine = new FakeEngine([jobOf(1)]);
  let waits = 0;
  const wakeups = new FakeWakeups(2, () => {
    if (++waits <= 2) engine.queue.push(jobOf(10 + waits));
  });
  assert.equal(await serve({ engine, wakeups }), 0);
  assert.deepEqual(engine.executed, [1, 11, 12]);
  assert.equal(wakeups.left, 1);
});

Deno.test("what was announced while the listener left is found by a last look", async () => {
  const engine = new FakeEngine([]);
  const wakeups = new FakeWakeups(0);
  const leave = wakeups.listen.bind(wakeups);
  wakeups.listen = async (patienceMs) => {
    const listening = await leave(patienceMs);
    return listening && {
      ...listening,
      leave: () => {
        engine.queue.push(jobOf(7));
        return listening.leave();
      },
    };
  };
  await serve({ engine, wakeups });
  assert.deepEqual(engine.executed, [7]);
});

Deno.test("a used budget rings exactly one successor", async () => {
  const tight: WorkerBudget = { ...WIDE_BUDGET, paperJobs: 2 };
  const jobs = [jobOf(1), jobOf(2), jobOf(3)];
  const engine = new FakeEngine(jobs, tight);
  const wakeups = new FakeWakeups(0);
  assert.equal(await serve({ engine, wakeups }), 1);
  assert.deepEqual(wakeups.patience, [], "its place is the successor's");
});

Deno.test("a budget used while listening rings a successor and then leaves", async () => {
  const engine = new FakeEngine([], { ...WIDE_BUDGET, paperJobs: 1 });
  const wakeups = new FakeWakeups(1, () => engine.queue.push(jobOf(1), jobOf(2)));
  assert.equal(await serve({ engine, wakeups }), 1);
  assert.equal(wakeups.left, 1);
});

Deno.test("a successor waits for its predecessor's place although somebody still listens", async () => {
  const engine = new FakeEngine([]);
  engine.isAttended = true;
  const wakeups = new FakeWakeups(0, undefined, true);
  await serve({ engine, wakeups, isSuccessor: true });
  assert.equal(wakeups.patience.length, 1);
  assert.ok(wakeups.patience[0]! > 0);
});

/** A listener's ear that hears when the test says so. */
class OpenEar implements Wakeups, Listening {
  left = 0;
  #answer: (isHeard: boolean) => void = () => {};

  listen = () => Promise.resolve(this);
  announced = () => new Promise<boolean>((resolve) => this.#answer = resolve);
  leave = () => Promise.resolve(void this.left++);
  hear = (isHeard: boolean) => this.#answer(isHeard);
}

/** Serves with `ear`; job 1 waits for its exchange until `exchangeAnswers`. */
async function serveSlowJob(ear: OpenEar, budget = WIDE_BUDGET) {
  let exchangeAnswers: () => void = () => {};
  const slow = new Promise<JobOutcome>((resolve) => exchangeAnswers = () => resolve(DONE));
  const engine = new FakeEngine([], budget, ({ id }) => id === 1 ? slow : DONE);
  let rung = 0;
  const worker = workerOf(engine);
  const ringSuccessor = () => Promise.resolve(void rung++);
  const served = serveBell(
    { worker, wakeups: ear, ringSuccessor, isSuccessor: false },
    await engine.claim("w1", 6),
  );
  await settled();
  engine.queue.push(jobOf(1, false));
  ear.hear(true);
  await settled();
  assert.equal(engine.running, 1);
  return { engine, served, exchangeAnswers, rung: () => rung };
}

/** Lets everything that can go on do so. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("what is announced while a job waits for a slow exchange is begun at once", async () => {
  const ear = new OpenEar();
  const { engine, served, exchangeAnswers } = await serveSlowJob(ear);
  engine.queue.push(jobOf(2));
  ear.hear(true);
  await settled();
  assert.deepEqual(engine.executed, [2]);
  exchangeAnswers();
  await settled();
  ear.hear(false);
  await served;
  assert.deepEqual(engine.executed, [2, 1]);
});

Deno.test("the place of the listener is left when its time is over, whatever is under way", async () => {
  const ear = new OpenEar();
  const { engine, served, exchangeAnswers } = await serveSlowJob(ear);
  ear.hear(false);
  await settled();
  assert.equal(ear.left, 1);
  exchangeAnswers();
  await served;
  assert.deepEqual(engine.executed, [1]);
});

Deno.test("a budget used by a job under way is handed over at once, and the job is finished", async () => {
  const ear = new OpenEar();
  const { engine, served, exchangeAnswers, rung } = await serveSlowJob(ear, { ...WIDE_BUDGET, liveJobs: 1 });
  assert.deepEqual([rung(), ear.left], [1, 1]);
  exchangeAnswers();
  await served;
  assert.deepEqual(engine.executed, [1]);
  assert.equal(rung(), 1);
});

Deno.test("what becomes due is begun then, though nobody announces it", async () => {
  const ear = new OpenEar();
  const naps: number[] = [];
  let ends: () => void = () => {};
  const sleep = (ms?: number) => {
    naps.push(ms!);
    return new Promise<void>((resolve) => ends = resolve);
  };
  const engine = new FakeEngine([]);
  engine.dueInMs = 200;
  const worker = { ...workerOf(engine), exchange: { ...workerOf(engine).exchange, sleep } };
  const ringSuccessor = () => Promise.resolve();
  const served = serveBell(
    { worker, wakeups: ear, ringSuccessor, isSuccessor: false },
    await engine.claim("w1", 6),
  );
  await settled();
  engine.queue.push(jobOf(7));
  engine.dueInMs = null;
  ends();
  await settled();
  assert.deepEqual([engine.executed, naps], [[7], [200]]);
  ear.hear(false);
  await served;
});

Deno.test("with full hands nobody wakes for what becomes due", async () => {
  const ear = new OpenEar();
  let naps = 0;
  const sleep = () => {
    naps++;
    return new Promise<void>(() => {});
  };
  let exchangeAnswers: () => void = () => {};
  const slow = new Promise<JobOutcome>((resolve) => exchangeAnswers = () => resolve(DONE));
  const engine = new FakeEngine([], WIDE_BUDGET, () => slow);
  engine.dueInMs = 200;
  const worker = { ...workerOf(engine), exchange: { ...workerOf(engine).exchange, sleep } };
  const ringSuccessor = () => Promise.resolve();
  const served = serveBell(
    { worker, wakeups: ear, ringSuccessor, isSuccessor: false },
    await engine.claim("w1", 6),
  );
  await settled();
  assert.equal(naps, 1, "with empty ones somebody does");
  engine.queue.push(jobOf(1), jobOf(2), jobOf(3));
  ear.hear(true);
  await settled();
  assert.deepEqual([engine.running, naps], [2, 1]);
  exchangeAnswers();
  await settled();
  ear.hear(false);
  await served;
  assert.deepEqual(engine.executed, [1, 2, 3]);
});
