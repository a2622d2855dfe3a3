/** What stop-all is asked and what the engine answers. */
import { z } from "zod";
import type { StopRecord, StopWish } from "../domain/stop.ts";

/** No text of the database holds it, and an emergency call must not meet an internal error. */
const NUL = "\0";

// Ids are guids: those that are hashes of what they stand for do not carry the version that a stricter check wants.

/** The body of a stop. Unknown fields are refused: a misspelt `mode` must not be taken for a milder one. */
export const stopBody: z.ZodType<StopWish> = z.strictObject({
  scope: z.enum(["trader", "account", "portfolio", "user", "everyone"]),
  id: z.guid().nullish(),
  mode: z.enum(["halt", "halt_and_flatten"]),
  reason: z.string().trim().min(1).max(500).refine((reason) => !reason.includes(NUL), "must not hold NUL"),
  request_id: z.guid().nullish(),
}).transform(({ scope, id, mode, reason, request_id }) => ({
  scope,
  id: id ?? null,
  mode,
  reason,
  requestId: request_id ?? null,
}));

/** The id of a stop that is asked about. */
export const stopId = z.guid();

/** Answer of `public.stop_trading`, and a row of `public.stop_progress`. */
export const stopRecord: z.ZodType<StopRecord> = z.looseObject({ stop_id: z.guid() });
