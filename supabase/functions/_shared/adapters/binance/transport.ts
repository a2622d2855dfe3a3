/**
 * One HTTP exchange with a venue: over a connection of its own, within a deadline that covers the body, and with an
 * account of what is known about it however it ends.
 */

import { ownConnections, TooLong } from "./own_connection.ts";

/** The longest answer that is read: all open orders of an account, or 1,000 fills, are well below. */
export const ANSWER_MAX_BYTES = 4 * 1024 * 1024;

/** Where requests leave and time comes from. */
export interface Outside {
  readonly send: typeof fetch;
  /** This machine's clock: milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds by a clock that is never set back. */
  readonly monotonicMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** A signal that is given after so long. */
  readonly deadline: (ms: number) => AbortSignal;
}

/**
 * How a request failed to bring a whole answer. Of the first two it is proven that no byte of it left.
 * - `window_over`: it was dropped.
 * - `unreachable`: there was no connection.
 * - `no_answer`: the connection ended, or the deadline passed, at some point after that.
 * - `malformed_answer`: the answer is longer than any answer may be.
 */
export type TransportFailure = "window_over" | "unreachable" | "no_answer" | "malformed_answer";

/** What is known about one request. */
export interface Exchanged {
  sentAtMs: number | null;
  elapsedMs: number;
  status: number | null;
  headers: Headers | null;
  /** The whole body; null while there is none. */
  body: string | null;
  failure: TransportFailure | null;
}

export interface Limits {
  /**
   * On the monotonic clock: later than this the request is not begun. One whose connection takes longer to be made may
   * still leave; the exchange refuses it by the timestamp and window in it.
   */
  readonly leaveByMs: number;
  /** From the moment it leaves to the last byte of the answer. */
  readonly deadlineMs: number;
}

/** Thrown where there is no whole answer; `failure` of the record says why. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export function newExchanged(): Exchanged {
  return { sentAtMs: null, elapsedMs: 0, status: null, headers: null, body: null, failure: null };
}

/**
 * Sends one request and reads its answer into `record`. Redirects are not followed. Throws `NoAnswer`; whatever was
 * learned until then is in the record.
 */
export async function exchange(
  url: string,
  init: RequestInit,
  limits: Limits,
  outside: Outside,
  record: Exchanged,
): Promise<void> {
  const startedAt = outside.monotonicMs();
  if (startedAt > limits.leaveByMs) throw failed(record, "window_over");
  const deadline = outside.deadline(limits.deadlineMs);
  record.sentAtMs = outside.now();
  try {
    const response = await outside.send(url, { ...init, redirect: "manual", signal: deadline });
    record.status = response.status;
    record.headers = response.headers;
    record.body = await readBody(response, deadline);
  } catch (error) {
    throw failed(record, failureOf(error, record.status));
  } finally {
    record.elapsedMs = Math.round(outside.monotonicMs() - startedAt);
  }
}

function failed(record: Exchanged, failure: TransportFailure): NoAnswer {
  record.failure = failure;
  if (failure === "unreachable") record.sentAtMs = null;
  return new NoAnswer(failure);
}

/**
 * The runtime's HTTP client says in words which step failed. Its `Connect` comes before the first byte of a request,
 * but only on a connection of its own: on one from the pool the request may already have been sent once before.
 */
function failureOf(error: unknown, status: number | null): TransportFailure {
  if (error instanceof TooLong) return "malformed_answer";
  const words = error instanceof Error ? `${error.message} ${String(error.cause ?? "")}` : "";
  return status === null && words.includes("client error (Connect)") ? "unreachable" : "no_answer";
}

async function readBody(response: Response, deadline: AbortSignal): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await unlessAborted(reader.read(), deadline);
      if (done) return text + decoder.decode();
      size += value.byteLength;
      if (size > ANSWER_MAX_BYTES) throw new TooLong();
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    // What is left of the answer is of no use; the connection ends with it.
    reader.cancel().catch(() => {});
    throw error;
  }
}

/** The signal ends a body's reading by itself only where the platform ties them together. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * A `fetch` whose every request has a connection of its own.
 *
 * The platform's pool is no place for orders: when a connection that was used before ends without a byte of an answer,
 * Deno sends the request again by itself, a POST as well, and a `connection: close` header does not stop it
 * (`transport_test.ts` counts the requests that arrive). HTTP/2 would share one connection among requests.
 *
 * Where the runtime has no such client to offer (edge runtimes of before March 2025), the request is put on a socket here.
 */
export function freshConnections(): typeof fetch {
  const client = ownClient();
  return client === null
    ? ownConnections(ANSWER_MAX_BYTES)
    : (input, init) => fetch(input, { ...init, client });
}

function ownClient(): Deno.HttpClient | null {
  if (typeof Deno.createHttpClient !== "function") return null;
  try {
    return Deno.createHttpClient({ poolMaxIdlePerHost: 0, http2: false });
  } catch {
    return null;
  }
}

/** The world outside, as it is. */
export function realOutside(): Outside {
  return {
    send: freshConnections(),
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    deadline: (ms) => AbortSignal.timeout(ms),
  };
}
