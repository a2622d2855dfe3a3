/** Draining the queue: claim, execute, report, until nothing is due or the invocation's budget is used. */
import { hasBudget, type Job, type WorkDone, type WorkerBudget } from "../domain/job.ts";
import { type Engine, EngineError, NO_ANSWER } from "../ports/engine.ts";
import type { Log } from "../ports/log.ts";

/** Jobs in flight at once. More would only wait for each other: one portfolio's work is serial by its lock. */
export const LANES = 6;

/** A worker's hands: what it works with and how much it may do. */
export interface Worker {
  readonly name: string;
  readonly engine: Engine;
  readonly budget: WorkerBudget;
  readonly log: Log;
  /** Milliseconds since the invocation began, by a monotonic clock. */
  readonly elapsedMs: () => number;
}

/** Drains the queue and keeps count over the invocation's life. */
export class Drain {
  #paper = 0;
  #live = 0;
  readonly #lanes = new Set<Promise<void>>();

  constructor(private readonly worker: Worker) {}

  get done(): WorkDone {
    return { paper: this.#paper, live: this.#live };
  }

  get isSpent(): boolean {
    return !hasBudget(this.worker.budget, this.done, this.worker.elapsedMs());
  }

  /** Works until nothing is due (true) or the budget is used (false). `claimed` are jobs this worker holds already. */
  async run(claimed: readonly Job[] = []): Promise<boolean> {
    for (const job of claimed) this.#start(job);
    for (;;) {
      const free = LANES - this.#lanes.size;
      const jobs = free > 0 && !this.isSpent ? await this.worker.engine.claim(this.worker.name, free) : [];
      for (const job of jobs) this.#start(job);
      if (this.#lanes.size === 0) return !this.isSpent;
      await Promise.race(this.#lanes);
    }
  }

  #start(job: Job): void {
    const lane = this.#follow(job).finally(() => this.#lanes.delete(lane));
    this.#lanes.add(lane);
  }

  /** A job and, while the budget lasts, the ones its command claims for us on the way. What is claimed is executed. */
  async #follow(first: Job): Promise<void> {
    for (let job: Job | null = first; job; job = await this.#execute(job)) {
      if (job.isPaper) this.#paper++;
      else this.#live++;
    }
  }

  async #execute(job: Job): Promise<Job | null> {
    const { engine, name, log } = this.worker;
    try {
      const { outcome, code, next } = await engine.execute(job, this.isSpent ? null : name);
      log("info", "job_executed", { job: job.id, kind: job.kind, outcome, code });
      return next;
    } catch (cause) {
      const error = cause instanceof EngineError
        ? cause
        : new EngineError(NO_ANSWER, NO_ANSWER, String(cause));
      log("warning", "job_failed", {
        job: job.id,
        kind: job.kind,
        sqlstate: error.sqlstate,
        message: error.message,
      });
      // Somebody else holds the job now, or its lease will run out: either way it is not lost.
      await engine.fail(job, error).catch((refusal) =>
        log("warning", "failure_not_recorded", { job: job.id, message: String(refusal) })
      );
      return null;
    }
  }
}
