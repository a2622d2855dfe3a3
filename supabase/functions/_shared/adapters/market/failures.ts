import { MarketError } from "../../ports/market.ts";

/** How long to stay silent when Binance says "too many requests" without saying for how long. */
export const DEFAULT_RETRY_AFTER_MS = 60_000;

/** A banned address may be told to wait for days; longer than this is not believed. */
export const MAX_RETRY_AFTER_MS = 3 * 24 * 60 * 60_000;

const MAX_REASON_CHARACTERS = 200;

/** What a failed answer looked like. The client puts it on CCXT's errors, which keep neither status nor headers. */
export interface HttpFacts {
  readonly status: number;
  /** Seconds, as sent. */
  readonly retryAfter: string | undefined;
}

/**
 * What a failed question to Binance means. Told apart by the HTTP status first: a body may be HTML from something
 * between us and the exchange, and CCXT's classes mix refusals with outages.
 * - 429 and 418: limited, with Retry-After.
 * - 400 with Binance's error body: rejected, for good.
 * - an answer of another shape: malformed.
 * - everything else, no answer included: unreachable.
 */
export function marketErrorOf(question: string, host: string, error: unknown): MarketError {
  if (error instanceof MarketError) return error;
  const facts = (error as { httpFacts?: HttpFacts } | undefined)?.httpFacts;
  const about = `${question} at ${host}`;
  if (facts?.status === 429 || facts?.status === 418) {
    const retryAfterMs = retryAfterOf(facts.retryAfter);
    const seconds = Math.ceil(retryAfterMs / 1_000);
    return new MarketError(
      "limited",
      `${about}: too many requests (HTTP ${facts.status}); silent for ${seconds} s`,
      {
        retryAfterMs,
        cause: error,
      },
    );
  }
  const reason = reasonOf(error);
  if (facts?.status === 400 && /"code"\s*:\s*-\d+/.test(reason)) {
    return new MarketError("rejected", `${about} was refused: ${reason}`, { cause: error });
  }
  if (error instanceof Error && error.name === "ZodError") {
    return new MarketError("malformed", `${about}: an answer of another shape than documented: ${reason}`, {
      cause: error,
    });
  }
  return new MarketError("unreachable", `${about} failed: ${reason}`, { cause: error });
}

/** Retry-After in whole seconds, as Binance sends it. */
function retryAfterOf(header: string | undefined): number {
  const seconds = header !== undefined && /^\d{1,9}$/.test(header) ? Number(header) : 0;
  return seconds === 0 ? DEFAULT_RETRY_AFTER_MS : Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS);
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.replace(/\s+/g, " ").slice(0, MAX_REASON_CHARACTERS);
}
