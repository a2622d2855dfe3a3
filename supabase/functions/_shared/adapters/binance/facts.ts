/** What is written down about a call, without its secrets. */
import type { CallFacts, ExchangeKey } from "../../domain/venue.ts";
import { DEFAULT_RETRY_AFTER_MS, MAX_RETRY_AFTER_MS } from "../market/failures.ts";
import type { Exchanged } from "./transport.ts";

const BODY_CHARACTERS = 2_000;
const MESSAGE_CHARACTERS = 300;

/** The facts of one request. `nowMs` is the exchange's time as well as it is known here. */
export function factsOf(exchanged: Exchanged, key: ExchangeKey | null, nowMs: number): CallFacts {
  const { status, headers, body, sentAtMs, elapsedMs } = exchanged;
  return {
    requests: sentAtMs === null ? 0 : 1,
    httpStatus: status,
    usedWeight: countOf(headers?.get("x-mbx-used-weight-1m")),
    orderCount10s: countOf(headers?.get("x-mbx-order-count-10s")),
    retryAfterMs: retryAfterOf(exchanged, nowMs),
    sentAtMs,
    elapsedMs,
    body: body === null ? null : redact(body, key).slice(0, BODY_CHARACTERS),
  };
}

/** Words of the exchange, short and without anything that was sent with the request. */
export function wordsOf(message: string, key: ExchangeKey | null): string {
  return redact(message, key).replace(/\s+/g, " ").slice(0, MESSAGE_CHARACTERS);
}

/** Something on the way may send a request's headers and parameters back. */
function redact(text: string, key: ExchangeKey | null): string {
  const secrets = [key?.apiKey, key?.secret].filter((secret) => secret !== undefined && secret !== "");
  return secrets.reduce<string>((left, secret) => left.replaceAll(secret!, "***"), text)
    .replace(/(signature\\?["']?\s*[=:]\s*\\?["']?)[^&"'\s\\]+/gi, "$1***");
}

function countOf(header: string | null | undefined): number | null {
  return header && /^\d{1,9}$/.test(header) ? parseInt(header, 10) : null;
}

/** How long to be silent after 429 and 418: the header's seconds, else the end of the ban in the words. */
function retryAfterOf({ status, headers, body }: Exchanged, nowMs: number): number | null {
  if (status !== 429 && status !== 418) return null;
  const seconds = countOf(headers?.get("retry-after"));
  const banUntil = /banned until (\d{13})\b/.exec(body ?? "")?.[1];
  const wait = seconds !== null
    ? seconds * 1_000
    : banUntil !== undefined
    ? parseInt(banUntil, 10) - nowMs
    : DEFAULT_RETRY_AFTER_MS;
  return Math.min(Math.max(wait, 0), MAX_RETRY_AFTER_MS);
}
