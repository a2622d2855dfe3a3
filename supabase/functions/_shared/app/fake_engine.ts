/** An engine in memory for the tests of workers: a queue of jobs, answers on command, and a record of what was asked. */
import type { Claim, Job, JobOutcome, WorkerBudget } from "../domain/job.ts";
import type { Engine, EngineError } from "../ports/engine.ts";
import type { Worker } from "./drain_jobs.ts";
import type { Exchange } from "../ports/exchange.ts";

export const WIDE_BUDGET: WorkerBudget = {
  paperJobs: 1_000,
  liveJobs: 1_000,
  workMs: 60_000,
  listenMs: 60_000,
};

/** A paper job with the fence of its first claim. */
export function jobOf(id: number, isPaper = true): Job {
  return { id, kind: "enter", fence: 1, isPaper };
}

/** Hands out `queue` and does what `behave` says of each job. */
export class FakeEngine implements Engine {
  readonly executed: number[] = [];
  readonly failed: { job: number; error: EngineError }[] = [];
  readonly nextFor: (string | null)[] = [];
  isAttended = false;
  dueInMs: number | null = null;
  running = 0;
  mostRunning = 0;
  bells = 0;

  constructor(
    readonly queue: Job[],
    readonly budget: WorkerBudget = WIDE_BUDGET,
    readonly behave: (job: Job) => JobOutcome | Promise<JobOutcome> = () => DONE,
  ) {}

  claim(_worker: string, limit: number): Promise<Claim> {
    return Promise.resolve({
      jobs: this.queue.splice(0, limit),
      isAttended: this.isAttended,
      dueInMs: this.dueInMs,
      budget: this.budget,
    });
  }

  async execute(job: Job, nextFor: string | null): Promise<JobOutcome> {
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    this.nextFor.push(nextFor);
    try {
      const outcome = await this.behave(job);
      this.executed.push(job.id);
      return outcome;
    } finally {
      this.running--;
    }
  }

  answer(): Promise<JobOutcome> {
    return Promise.reject(new Error("this engine makes no calls"));
  }

  fail(job: Job, error: EngineError): Promise<void> {
    this.failed.push({ job: job.id, error });
    return Promise.resolve();
  }

  bellToken(): Promise<string> {
    return Promise.resolve(`bell ${++this.bells}`);
  }
}

/** The outcome of a job that went well and led to nothing further. */
export const DONE: JobOutcome = { outcome: "filled", code: null, call: null, also: 0, next: null };

/** Fails whoever asks it anything. */
const NO_EXCHANGE: Exchange = {
  venueOf: () => {
    throw new Error("this test has no exchange");
  },
  secrets: { open: () => Promise.reject(new Error("this test has no keys")) },
  monotonicMs: () => 0,
  sleep: () => Promise.resolve(),
};

/** A worker on the fake, with a clock that stands still unless the test moves it. */
export function workerOf(engine: Engine, elapsedMs: () => number = () => 0): Worker {
  return { name: "w1", engine, log: () => {}, elapsedMs, exchange: NO_EXCHANGE };
}
