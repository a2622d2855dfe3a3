import type { Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import type { TickStream } from "../../supabase/functions/_shared/ports/market.ts";

/** Resolves after `ms`, or at once when the signal aborts; never rejects. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** How a stream is paced. */
export interface Pace {
  /** Market milliseconds per real one: 1 is real time, 60 an hour a minute, Infinity as fast as it is read. */
  readonly speed: number;
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
  /** Puts the wall clock into `at` and `observedAt`, so that prices which arrive now are not taken for old ones. */
  readonly restamp: boolean;
  readonly signal: AbortSignal;
  readonly sleep?: Sleep;
}

/** A reader that falls behind by more than this (ms) slows the market down instead of being flooded. */
export const MAX_LAG_MS = 5_000;

/** A timer waits at most this long at once, so that a clock that is set anew is noticed. */
const MAX_SLEEP_MS = 60_000;

/**
 * The stream's ticks at the time the pace gives them: tick k at `start + (at_k - at_0) / speed`. All ticks come, in
 * order, whatever happens to the clock. Ends early, without an error, when the signal aborts.
 */
export async function* paced(ticks: TickStream, pace: Pace): AsyncGenerator<Tick, void, undefined> {
  const sleep = pace.sleep ?? sleepReal;
  let origin: { wall: number; market: number } | undefined;
  for await (const tick of ticks) {
    origin ??= { wall: pace.now(), market: tick.at };
    let due = dueAt(origin, tick.at, pace.speed);
    for (let left = due - pace.now(); left > 0 && !pace.signal.aborted; left = due - pace.now()) {
      await sleep(Math.min(left, MAX_SLEEP_MS), pace.signal);
    }
    if (pace.signal.aborted) return;
    const lag = pace.now() - due;
    if (lag > MAX_LAG_MS) {
      origin = { wall: origin.wall + lag, market: origin.market };
      due += lag;
    }
    yield pace.restamp ? stampedAt(tick, due) : tick;
  }
}

/** Stops a stream that needs no pacing when the signal aborts. */
export async function* unpaced(
  ticks: TickStream,
  signal: AbortSignal,
): AsyncGenerator<Tick, void, undefined> {
  for await (const tick of ticks) {
    if (signal.aborted) return;
    yield tick;
  }
}

function dueAt(origin: { wall: number; market: number }, at: number, speed: number): number {
  return Math.floor(origin.wall + (at - origin.market) / speed);
}

function stampedAt(tick: Tick, at: number): Tick {
  return { at, quotes: tick.quotes.map((quote) => ({ ...quote, observedAt: at })) };
}

/** The real thing: a timer that an abort ends early. */
export function sleepReal(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
