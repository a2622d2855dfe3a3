/** Work that comes again and again by the clock. */

/** Resolves after `ms`, or when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

/** Does `work` every `periodMs` until the signal aborts; a turn that the one before ran into is not made up for. */
export async function every(
  periodMs: number,
  signal: AbortSignal,
  work: (turn: number) => Promise<unknown>,
): Promise<void> {
  let next = performance.now();
  for (let turn = 0; !signal.aborted; turn++) {
    await work(turn);
    next = Math.max(next + periodMs, performance.now());
    await pause(next - performance.now(), signal);
  }
}

/** A task that hangs on something that will never answer is left alone this long after it was told to end (ms). */
const GRACE_MS = 10_000;

/**
 * Runs tasks side by side until all are over. The first that fails ends the others, and its error is the outcome; an abort
 * from outside ends all of them and throws its reason.
 */
export async function together(
  signal: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<unknown>)[],
): Promise<void> {
  const failing = new AbortController();
  const any = AbortSignal.any([signal, failing.signal]);
  const all = Promise.all(
    tasks.map((task) => task(any).catch((error) => failing.abort(error))),
  );
  const givenUp = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  any.addEventListener("abort", () => timer = setTimeout(givenUp.resolve, GRACE_MS));
  await Promise.race([all, givenUp.promise]);
  clearTimeout(timer);
  any.throwIfAborted();
}
