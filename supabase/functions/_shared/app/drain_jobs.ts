/** Draining the queue: claim, execute, report, until nothing is due or the invocation's budget is used. */
import { type Claim, hasBudget, type Job, type WorkDone, type WorkerBudget } from "../domain/job.ts";
import { type Engine, EngineError, NO_ANSWER } from "../ports/engine.ts";
import { callVenue } from "./perform_call.ts";
import type { Exchange } from "../ports/exchange.ts";
import type { Log } from "../ports/log.ts";

/**
 * Paper jobs in flight at once. They are processor time: more of them would only wait for each other, and an emergency
 * stop for all of them, while the queue becomes no shorter.
 */
export const LANES = 2;
/**
 * A live job waits for an exchange half of the time or more and takes this part of a lane. With twice as many, eight workers
 * ask for more turns on two processors than come within the second in which a sale or a cancel has to leave.
 */
const LIVE_SHARE = 0.5;

/** The engine's code of a spent request budget. */
const BUDGET_SPENT = "FB429";
/** What waits for the budget to fill in the ordinary course; exits, stops and cancels have a share that nobody else may take. */
const STAND_IN_LINE: ReadonlySet<string> = new Set(["enter", "sync"]);

/** A worker's hands: what it works with and how much it may do. */
export interface Worker {
  readonly name: string;
  readonly engine: Engine;
  readonly log: Log;
  /** Milliseconds since the invocation began, by a monotonic clock. */
  readonly elapsedMs: () => number;
  readonly exchange: Exchange;
}

/** Drains the queue and keeps count over the invocation's life. */
export class Drain {
  #paper = 0;
  #live = 0;
  #failed = 0;
  /** Lanes taken by the jobs that are being executed now. */
  #taken = 0;
  #claim: Claim;
  #dueAtMs: number | null = null;
  readonly #lanes = new Set<Promise<void>>();

  /** `claim` is the invocation's first one: its jobs are this worker's already. */
  constructor(private readonly worker: Worker, claim: Claim) {
    this.#claim = claim;
  }

  get done(): WorkDone {
    return { paper: this.#paper, live: this.#live, failed: this.#failed };
  }

  /** Whether some worker was awake and listening at the last look. */
  get isAttended(): boolean {
    return this.#claim.isAttended;
  }

  get budget(): WorkerBudget {
    return this.#claim.budget;
  }

  get isSpent(): boolean {
    return !hasBudget(this.budget, this.done, this.worker.elapsedMs());
  }

  get isIdle(): boolean {
    return this.#lanes.size === 0;
  }

  /** When something that waits to be tried again becomes due, on the worker's clock; null: nothing does soon. */
  get dueAtMs(): number | null {
    return this.#dueAtMs;
  }

  /** Works until nothing is due (true) or the budget is used (false). */
  async run(): Promise<boolean> {
    for (;;) {
      await this.takeDue();
      if (this.isIdle) return !this.isSpent;
      await this.laneEnded();
    }
  }

  /** Begins as much of what is due as there are free hands. Waits for none of it. */
  async takeDue(): Promise<void> {
    this.#startAll(this.#claim.jobs);
    // With full hands nothing that becomes due can be begun: the next end looks again.
    this.#dueAtMs = null;
    while (this.#taken < LANES && !this.isSpent) {
      const free = Math.ceil(LANES - this.#taken);
      this.#claim = await this.worker.engine.claim(this.worker.name, free);
      const { jobs, dueInMs } = this.#claim;
      this.#startAll(jobs);
      if (jobs.length < free) {
        this.#dueAtMs = dueInMs === null ? null : this.worker.elapsedMs() + dueInMs;
        return;
      }
      // Live jobs leave room for more than were asked for.
    }
  }

  /** Resolves when the next of the jobs under way ends; never, if there are none. */
  laneEnded(): Promise<void> {
    return Promise.race(this.#lanes);
  }

  #startAll(jobs: readonly Job[]): void {
    for (const job of jobs) this.#start(job);
    this.#claim = { ...this.#claim, jobs: [] };
  }

  #start(job: Job): void {
    const lane = this.#follow(job).finally(() => this.#lanes.delete(lane));
    this.#lanes.add(lane);
  }

  /** A job and, while the budget lasts, the ones its command claims for us on the way. What is claimed is executed. */
  async #follow(first: Job): Promise<void> {
    let share = 0;
    for (let job: Job | null = first; job; job = await this.#execute(job)) {
      this.#taken -= share;
      share = job.isPaper ? 1 : LIVE_SHARE;
      this.#taken += share;
    }
    this.#taken -= share;
  }

  async #execute(job: Job): Promise<Job | null> {
    const { engine, name, log } = this.worker;
    this.#count(job, 1);
    try {
      const nextFor = () => this.isSpent ? null : name;
      let outcome = await engine.execute(job, nextFor());
      while (outcome.call) outcome = await callVenue(this.worker, job, outcome.call, nextFor);
      const { also, next } = outcome;
      this.#count(job, also);
      return next;
    } catch (cause) {
      const error = cause instanceof EngineError
        ? cause
        : new EngineError(NO_ANSWER, NO_ANSWER, String(cause));
      this.#failed++;
      log(levelOf(job, error), "job_failed", {
        job: job.id,
        kind: job.kind,
        sqlstate: error.sqlstate,
        message: error.message,
        detail: error.detail,
      });
      // Somebody else holds the job now, or its lease will run out: either way it is not lost.
      await engine.fail(job, error).catch((refusal) =>
        log("warning", "failure_not_recorded", { job: job.id, message: String(refusal) })
      );
      return null;
    }
  }

  #count(job: Job, jobs: number): void {
    if (job.isPaper) this.#paper += jobs;
    else this.#live += jobs;
  }
}

/** Standing in line for requests is no trouble: the engine tells by alerts when it takes too long. */
function levelOf({ kind }: Job, { sqlstate }: EngineError): "info" | "warning" {
  return sqlstate === BUDGET_SPENT && STAND_IN_LINE.has(kind) ? "info" : "warning";
}
