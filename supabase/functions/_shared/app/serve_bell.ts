/**
 * One invocation of the worker, from the bell to its end: work, then stay awake a while, then leave without losing a
 * job. While it is awake, NOTIFY spares the next decision the nap of the database's HTTP client.
 */
import type { Claim } from "../domain/job.ts";
import type { Listening, Wakeups } from "../ports/wakeups.ts";
import { Drain, type Worker } from "./drain_jobs.ts";

/** How long a successor that was rung on purpose waits for its predecessor's place. */
const HANDOVER_PATIENCE_MS = 3_000;
/** The database's clock and a timer may differ by so much about when something is due. */
const LEAST_NAP_MS = 10;

/** What an invocation needs besides its hands. */
export interface Invocation {
  readonly worker: Worker;
  readonly wakeups: Wakeups;
  /** Starts another invocation; it answers before it works. */
  readonly ringSuccessor: () => Promise<void>;
  /** Whether a predecessor rang because its budget was used. */
  readonly isSuccessor: boolean;
}

/** Works through the first claim and whatever is due, listens for more, and hands over when the budget is used. */
export async function serveBell(invocation: Invocation, first: Claim): Promise<void> {
  const { worker, isSuccessor } = invocation;
  // Bells come in flocks; while one worker listens the others have nothing to do.
  if (first.isAttended && first.jobs.length === 0 && !isSuccessor) return;
  const drain = new Drain(worker, first);
  const isDry = await drain.run();
  if (!isDry) await invocation.ringSuccessor();
  else if (isSuccessor || !drain.isAttended) await stayAwake(invocation, drain);
  // Whoever took over the place of the listener works already.
  while (!drain.isIdle) await drain.laneEnded();
  const { paper, live, failed } = drain.done;
  if (paper + live > 0) worker.log("info", "invocation_ended", { worker: worker.name, paper, live, failed });
}

async function stayAwake(
  { worker, wakeups, ringSuccessor, isSuccessor }: Invocation,
  drain: Drain,
): Promise<void> {
  const listening = await wakeups.listen(isSuccessor ? HANDOVER_PATIENCE_MS : 0);
  if (!listening) return;
  let isSpent = false;
  try {
    isSpent = await workWhileAwake(drain, worker, listening);
    if (isSpent) await ringSuccessor();
  } finally {
    await listening.leave();
  }
  // What was announced while we left has been heard by nobody: look once more.
  if (!isSpent) await drain.run();
}

/**
 * Begins what is due whenever something is announced, becomes due or ends: a job that waits for a slow exchange keeps no
 * other from being begun. True when the budget is used, false when its time of silence is over.
 */
async function workWhileAwake(drain: Drain, worker: Worker, listening: Listening): Promise<boolean> {
  const silence = () => listening.announced(Math.max(drain.budget.listenMs - worker.elapsedMs(), 0));
  let announced = silence();
  for (;;) {
    // The first time, this closes the gap between the last look and the LISTEN.
    await drain.takeDue();
    if (drain.isSpent) return true;
    const wake = await nextWake(announced, drain, worker);
    if (wake === "silence") return false;
    if (wake === "announcement") announced = silence();
  }
}

type Wake = "announcement" | "silence" | "due" | "lane";

/** What comes first. An announcement that came before is not lost: it is what resolves. */
async function nextWake(announced: Promise<boolean>, drain: Drain, worker: Worker): Promise<Wake> {
  const alarm = new AbortController();
  const wakes: Promise<Wake>[] = [
    announced.then((isHeard) => isHeard ? "announcement" : "silence"),
    drain.laneEnded().then(() => "lane"),
  ];
  if (drain.dueAtMs !== null) {
    const leftMs = Math.max(drain.dueAtMs - worker.elapsedMs(), LEAST_NAP_MS);
    wakes.push(worker.exchange.sleep(leftMs, alarm.signal).then(() => "due"));
  }
  try {
    return await Promise.race(wakes);
  } finally {
    alarm.abort();
  }
}
