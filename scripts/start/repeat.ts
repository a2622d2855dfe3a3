import { withDeadline } from "./deadline.ts";
import { sleepReal } from "../../local/market/pacing.ts";

/** One turn may take this long (ms); the next one does not wait for it. */
const TURN_DEADLINE_MS = 10_000;

/**
 * Does something again and again until the signal aborts, `everyMs` after its last end. A failure is told once, and
 * once more when it is over; the database may be restarting.
 */
export async function repeat(
  name: string,
  everyMs: number,
  signal: AbortSignal,
  note: (line: string) => void,
  action: () => Promise<unknown>,
): Promise<void> {
  let isFailing = false;
  while (!signal.aborted) {
    try {
      await withDeadline(action(), TURN_DEADLINE_MS, signal);
      if (isFailing) note(`${name} goes on`);
      isFailing = false;
    } catch (error) {
      if (!isFailing && !signal.aborted) {
        note(`${name} waits: ${error instanceof Error ? error.message : error}`);
      }
      isFailing = true;
    }
    await sleepReal(everyMs, signal);
  }
}
