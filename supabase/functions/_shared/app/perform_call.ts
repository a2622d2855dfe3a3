/** One call of the engine's to a venue: open the key, ask, and bring what happened back to the engine. */
import type { Job, JobOutcome } from "../domain/job.ts";
import { NO_FACTS, type OpenedKey, type Reason, type VenueAnswer } from "../domain/venue.ts";
import type { Asked, VenueCall } from "../domain/venue_call.ts";
import { type Engine, EngineError, NO_ANSWER } from "../ports/engine.ts";
import type { Exchange } from "../ports/exchange.ts";
import type { Leave, Venue } from "../ports/venue.ts";

/** Waits between tries to report an answer: an answer that is not reported has to be found out again. */
const REPORT_PAUSES_MS = [50, 200, 1_000];

/**
 * Makes a job's call and reports its answer, with who takes on more work by then (`nextFor`; null: nobody). Throws
 * `EngineError` when that could not be reported: whoever takes the job up again then treats the call as unknown.
 */
export async function callVenue(
  { engine, exchange }: { readonly engine: Engine; readonly exchange: Exchange },
  job: Job,
  call: VenueCall,
  nextFor: () => string | null,
): Promise<JobOutcome> {
  const answer = await performCall(call, exchange);
  for (const pauseMs of REPORT_PAUSES_MS) {
    try {
      return await engine.answer(job, call.id, answer, nextFor());
    } catch (error) {
      if (!(error instanceof EngineError) || !mayPass(error.sqlstate)) throw error;
      await exchange.sleep(pauseMs);
    }
  }
  return await engine.answer(job, call.id, answer, nextFor());
}

/** No answer, a lock that took too long, or a transaction that another one undid: the same report may still get through. */
function mayPass(sqlstate: string): boolean {
  return [NO_ANSWER, "55P03", "40001", "40P01"].includes(sqlstate);
}

/**
 * Performs a call and never throws. The key is opened for it alone and tells what is left of its window, by the
 * engine's clock; from the moment that it was asked for the window runs here.
 */
export async function performCall(
  call: VenueCall,
  { venueOf, secrets, monotonicMs }: Exchange,
): Promise<VenueAnswer> {
  const { asked, window } = call;
  const startedAt = monotonicMs();
  const unsent = (reason: Reason, message: string): VenueAnswer => {
    const facts = { ...NO_FACTS, elapsedMs: monotonicMs() - startedAt };
    return { outcome: "not_sent", reason, code: null, message, facts };
  };
  let venue: Venue;
  try {
    venue = venueOf(call.environment);
  } catch (error) {
    return unsent("unreachable", error instanceof Error ? error.message : "there is no such venue");
  }
  if (asked.action === "server_time") return await venue.serverTime();
  const askedAt = monotonicMs();
  let opened: OpenedKey;
  try {
    opened = await secrets.open(call.id);
  } catch (error) {
    return unsent(...whyUnopened(error));
  }
  const leaveByMs = askedAt + opened.sendWithinMs;
  return await ask(asked, call.symbol, venue, { key: opened.key, window: { ...window, leaveByMs } });
}

const UNOPENED: Readonly<Record<string, Reason>> = {
  call_over: "window_over",
  key_unavailable: "key_unavailable",
};

/** Other words than the engine's are not repeated: they may be about an answer that had the key in it. */
function whyUnopened(error: unknown): [reason: Reason, message: string] {
  if (error instanceof EngineError) return [UNOPENED[error.code] ?? "unreachable", error.message];
  return ["unreachable", `the key could not be opened: ${error instanceof Error ? error.name : "no error"}`];
}

function ask(
  asked: Exclude<Asked, { action: "server_time" }>,
  symbolOrAll: string | null,
  venue: Venue,
  leave: Leave,
): Promise<VenueAnswer> {
  // Where a symbol is needed and missing, the venue refuses the request.
  const symbol = symbolOrAll ?? "";
  switch (asked.action) {
    case "submit":
      return venue.submit(symbol, asked.request, leave);
    case "submit_pair":
      return venue.submitPair(symbol, asked.request, leave);
    case "check_order":
      return venue.checkOrder(symbol, asked.request, leave);
    case "cancel":
      return venue.cancel(symbol, asked.request, leave);
    case "replace":
      return venue.replace(symbol, asked.request, leave);
    case "lookup":
      return venue.lookup(symbol, asked.request, leave);
    case "fills":
      return venue.fills(symbol, asked.request, leave);
    case "open_orders":
      return venue.openOrders(symbolOrAll, leave);
    case "balances":
      return venue.balances(leave);
  }
}
