import type { Claim, Job, JobOutcome } from "../domain/job.ts";
import type { VenueAnswer } from "../domain/venue.ts";

/** The engine's commands that a worker needs. Every one is a single database transaction. */
export interface Engine {
  /** Takes up to `limit` due jobs. With a bell the caller's credential is checked first. Throws `EngineError`. */
  claim(worker: string, limit: number, bell?: string): Promise<Claim>;
  /**
   * Executes a claimed job, and claims the portfolio's next entry for `nextFor`, if a worker is named. Throws
   * `EngineError`; then nothing of it happened.
   */
  execute(job: Job, nextFor: string | null): Promise<JobOutcome>;
  /**
   * Reports what came of a call that `execute` or `answer` asked for, and takes the job's next step; where `nextFor` is
   * null, a question that would come next is left to another worker. The same answer again gets the same next call.
   * Throws `EngineError`; then nothing of it happened, except where no answer came (`NO_ANSWER`).
   */
  answer(job: Job, callId: number, answer: VenueAnswer, nextFor: string | null): Promise<JobOutcome>;
  /** Reports that a job could not be executed; the engine decides whether it is tried again. */
  fail(job: Job, error: EngineError): Promise<void>;
  /** A credential for ringing a successor. */
  bellToken(): Promise<string>;
}

/** SQLSTATE that stands for "no answer came": the command may or may not have been executed. */
export const NO_ANSWER = "NETWORK";

/** A command's refusal or the lack of an answer. `code` is the stable code callers match; `sqlstate` its class. */
export class EngineError extends Error {
  override readonly name = "EngineError";

  constructor(
    readonly sqlstate: string,
    readonly code: string,
    message: string,
    readonly detail: string | null = null,
    readonly hint: string | null = null,
  ) {
    super(message);
  }
}
