/**
 * One invocation of the worker, from the bell to its end: work, then stay awake a while, then leave without losing a
 * job. While it is awake, NOTIFY spares the next decision the nap of the database's HTTP client.
 */
import type { Job } from "../domain/job.ts";
import type { Listening, Wakeups } from "../ports/wakeups.ts";
import { Drain, type Worker } from "./drain_jobs.ts";

/** How long a successor that was rung on purpose waits for its predecessor's place. */
const HANDOVER_PATIENCE_MS = 3_000;

/** What an invocation needs besides its hands. */
export interface Invocation {
  readonly worker: Worker;
  readonly wakeups: Wakeups;
  /** Starts another invocation; it answers before it works. */
  readonly ringSuccessor: () => Promise<void>;
  /** Whether a predecessor rang because its budget was used. */
  readonly isSuccessor: boolean;
}

/** Works through `claimed` and whatever is due, listens for more, and hands over when the budget is used. */
export async function serveBell(invocation: Invocation, claimed: readonly Job[]): Promise<void> {
  const { worker, wakeups, isSuccessor } = invocation;
  const drain = new Drain(worker);
  if (!await drain.run(claimed)) return await invocation.ringSuccessor();
  const listening = await wakeups.listen(isSuccessor ? HANDOVER_PATIENCE_MS : 0);
  if (!listening) return;
  let left = false;
  try {
    const isSpent = await workWhileAwake(drain, worker, listening);
    if (isSpent) await invocation.ringSuccessor();
    await listening.leave();
    left = true;
    // What was announced while we left has been heard by nobody: look once more.
    if (!isSpent) await drain.run();
  } finally {
    if (!left) await listening.leave();
  }
  worker.log("info", "invocation_ended", { worker: worker.name, ...drain.done });
}

/** Drains at every announcement; true when the budget is used, false when its time of silence is over. */
async function workWhileAwake(drain: Drain, worker: Worker, listening: Listening): Promise<boolean> {
  // The first drain closes the gap between the last look and the LISTEN.
  let isDue = true;
  for (;;) {
    if (isDue && !await drain.run()) return true;
    const leftMs = worker.budget.listenMs - worker.elapsedMs();
    if (leftMs <= 0) return false;
    isDue = await listening.announced(leftMs);
  }
}
