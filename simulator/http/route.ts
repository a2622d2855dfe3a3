import type { Account, ExchangeState, OrderRef } from "../engine/model.ts";
import { Rejection } from "../engine/rejection.ts";
import type { ApiKey, Security } from "./keys.ts";
import type { Limits } from "./limits.ts";
import type { Params } from "./params.ts";
import type { Json } from "./wire.ts";

/** What an endpoint has to work with. */
export interface Call {
  readonly params: Params;
  readonly state: ExchangeState;
  readonly limits: Limits;
  /** The exchange's time when it is asked, which is later than when the request came in (ms). */
  readonly now: () => number;
  readonly serverTime: () => number;
}

export interface SignedCall extends Call {
  readonly account: Account;
  readonly key: ApiKey;
}

/**
 * Reads and checks the parameters, and returns what is to be done. In between, the exchange may lose the request,
 * and checks its timing again.
 */
export type Action = () => Json;

interface Common {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly weight: number | ((params: Params) => number);
  /** How many orders it places. */
  readonly orderCount?: number;
  /** Goes to the matching engine, and weighs nothing when it succeeds. */
  readonly isForMatchingEngine?: boolean;
}

export type Route =
  | Common & { readonly security: "none"; readonly prepare: (call: Call) => Action }
  | Common & { readonly security: Exclude<Security, "none">; readonly prepare: (call: SignedCall) => Action };

/** Counts the orders of an account around their placement. Throws where they are too many. */
export function counted<T>(
  call: SignedCall,
  count: number,
  place: () => T,
  placed: (result: T) => OrderRef[],
): T {
  const now = call.now();
  call.limits.requireOrders(call.account.id, count, now);
  const result = place();
  call.limits.addOrders(call.account.id, count, placed(result), now);
  return result;
}

const DAY_MS = 86_400_000;

/** Bounds of a question about the past, at most a day apart. */
export function readRange(params: Params): TimeRange {
  const range = { start: params.integer("startTime"), end: params.integer("endTime") };
  if (range.start !== null && range.end !== null && range.end - range.start > DAY_MS) {
    throw new Rejection(-1127, "More than 24 hours between startTime and endTime.");
  }
  return range;
}

export interface TimeRange {
  readonly start: number | null;
  readonly end: number | null;
}

/** Rising rows within a range: the oldest from its start, or the newest where it has none. */
export function selectRows<T>(
  rows: readonly T[],
  timeOf: (row: T) => number,
  range: TimeRange,
  limit: number,
): T[] {
  const { start, end } = range;
  const within = rows.filter((row) =>
    (start === null || timeOf(row) >= start) && (end === null || timeOf(row) <= end)
  );
  return start === null ? within.slice(-limit) : within.slice(0, limit);
}
