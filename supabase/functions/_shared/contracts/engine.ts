/** What the engine's commands answer, as it arrives over the Data API. */
import { z } from "zod";
import type { Job, JobOutcome, WorkerBudget } from "../domain/job.ts";

const jobRow = z.object({
  id: z.number().int(),
  kind: z.string(),
  fence: z.number().int(),
  is_paper: z.boolean(),
}).transform((row): Job => ({ id: row.id, kind: row.kind, fence: row.fence, isPaper: row.is_paper }));

/** Answer of `trading.claim_jobs`. */
export const claimAnswer: z.ZodType<Job[]> = z.array(jobRow);

/** Answer of `trading.execute_job`. */
export const executeAnswer: z.ZodType<JobOutcome> = z.object({
  outcome: z.string(),
  code: z.string().nullish(),
  next: jobRow.nullish(),
}).transform((row) => ({ outcome: row.outcome, code: row.code ?? null, next: row.next ?? null }));

/** The columns of `trading.settings` that bound an invocation. */
export const budgetRow: z.ZodType<WorkerBudget> = z.object({
  invocation_paper_jobs: z.number().int(),
  invocation_live_jobs: z.number().int(),
  invocation_ms: z.number().int(),
  listen_ms: z.number().int(),
}).transform((row) => ({
  paperJobs: row.invocation_paper_jobs,
  liveJobs: row.invocation_live_jobs,
  workMs: row.invocation_ms,
  listenMs: row.listen_ms,
}));
