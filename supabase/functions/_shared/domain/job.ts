/** Work from the outbox, as a worker holds it. What a job means is decided in the database. */
import type { VenueCall } from "./venue_call.ts";

/** A claimed job: whoever holds its newest fence may act on it until the lease ends. */
export interface Job {
  readonly id: number;
  readonly kind: string;
  readonly fence: number;
  readonly isPaper: boolean;
}

/** The answer to a claim. */
export interface Claim {
  readonly jobs: readonly Job[];
  /** Whether some worker is awake and listening already. */
  readonly isAttended: boolean;
  /** In how many milliseconds something that waits to be tried again becomes due; null: not within 2 s. */
  readonly dueInMs: number | null;
  readonly budget: WorkerBudget;
}

/** What became of a job, and the next one of the same portfolio where the command claimed it on the way. */
export interface JobOutcome {
  /** `call`: the job is not over; its worker makes `call` and reports the answer. */
  readonly outcome: string;
  readonly code: string | null;
  readonly call: VenueCall | null;
  /** How many further entries of the portfolio the same command executed. */
  readonly also: number;
  readonly next: Job | null;
}

/** The limits of one invocation of a worker; the hosted platform ends what goes beyond its own. */
export interface WorkerBudget {
  readonly paperJobs: number;
  readonly liveJobs: number;
  /** How long one invocation takes on new work, in milliseconds. */
  readonly workMs: number;
  /** How long one invocation stays awake for work to come, in milliseconds. */
  readonly listenMs: number;
}

/** What an invocation has used of its budget. */
export interface WorkDone {
  readonly paper: number;
  readonly live: number;
  /** How many of them could not be executed. */
  readonly failed: number;
}

/** Whether another job fits into the budget. */
export function hasBudget(budget: WorkerBudget, done: WorkDone, elapsedMs: number): boolean {
  return done.paper < budget.paperJobs && done.live < budget.liveJobs && elapsedMs < budget.workMs;
}
