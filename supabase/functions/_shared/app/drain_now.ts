/** Draining the queue at once, because something cannot wait for a bell. */
import { LANES } from "./drain_jobs.ts";
import { type Invocation, serveBell } from "./serve_bell.ts";

/** Claims what is due, also beside a worker that listens already: what stops trading is first in the queue. */
export async function drainNow(invocation: Invocation): Promise<void> {
  const { engine, name } = invocation.worker;
  await serveBell(invocation, await engine.claim(name, LANES));
}
