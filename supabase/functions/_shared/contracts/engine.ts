/** What the engine's commands answer, as it arrives over the Data API. */
import { z } from "zod";
import type { Claim, Job, JobOutcome } from "../domain/job.ts";
import { venueCall } from "./venue.ts";

const jobRow = z.object({
  id: z.number().int(),
  kind: z.string(),
  fence: z.number().int(),
  is_paper: z.boolean(),
}).transform((row): Job => ({ id: row.id, kind: row.kind, fence: row.fence, isPaper: row.is_paper }));

/** Answer of `trading.claim_jobs`. */
export const claimAnswer: z.ZodType<Claim> = z.object({
  jobs: z.array(jobRow),
  is_attended: z.boolean(),
  due_in_ms: z.number().int().nonnegative().nullable(),
  budget: z.object({
    paper_jobs: z.number().int(),
    live_jobs: z.number().int(),
    work_ms: z.number().int(),
    listen_ms: z.number().int(),
  }),
}).transform(({ jobs, is_attended, due_in_ms, budget }) => ({
  jobs,
  isAttended: is_attended,
  dueInMs: due_in_ms,
  budget: {
    paperJobs: budget.paper_jobs,
    liveJobs: budget.live_jobs,
    workMs: budget.work_ms,
    listenMs: budget.listen_ms,
  },
}));

/** Answer of `trading.execute_job` and of `trading.answer_call`. */
export const executeAnswer: z.ZodType<JobOutcome> = z.object({
  outcome: z.string(),
  code: z.string().nullish(),
  call: venueCall.nullish(),
  also: z.number().int(),
  next: jobRow.nullish(),
}).transform((row) => ({
  outcome: row.outcome,
  code: row.code ?? null,
  call: row.call ?? null,
  also: row.also,
  next: row.next ?? null,
}));
