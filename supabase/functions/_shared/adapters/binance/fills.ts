/** Executions, all of them: Binance gives at most 1,000 at a time and looks at most 24 hours far. */
import type { Fill, FillsRequest } from "../../domain/venue.ts";
import { AnswerMismatch, readFills } from "./answers.ts";
import type { Ended } from "./caller.ts";
import type { Params } from "./ccxt_orders.ts";
import { RequestInvalid } from "./requests.ts";

const PAGE_ROWS = 1_000;
const DAY_MS = 24 * 60 * 60_000;
/**
 * Each costs a request weight of 20 (5 with an order's id), and one of them was drawn from the budget: together they
 * stay within what a comparison leaves there for others (`check_reserve` of `trading.rate_rules`).
 */
export const MAX_REQUESTS = 30;
/** How far back a moment may lie: two thirds of the requests may go into finding the first fill. */
export const MAX_DAYS_BACK = 20;
/** By how much the exchange may be later than we believe: a window that ends sooner says nothing about the present. */
const LATER_MS = 60_000;

export interface Collected {
  /** How the last request ended; unless it was accepted the fills are not all of them. */
  readonly ended: Ended;
  readonly fills: readonly Fill[];
}

type Ask = (params: Params) => Promise<Ended>;

/**
 * Collects fills, oldest first. Of an order: by its id. Since a moment: day by day up to the first fill, from there on
 * by number, which knows no bounds in time. `nowMs` is the exchange's time. Throws what reading an answer throws, and
 * `RequestInvalid` for what cannot be asked.
 */
export async function collectFills(
  symbol: string,
  request: FillsRequest,
  nowMs: number,
  ask: Ask,
): Promise<Collected> {
  if ("sinceMs" in request) return await sinceMoment(symbol, request.sinceMs, nowMs, ask);
  const orderId = request.exchangeOrderId;
  if (!/^\d{1,30}$/.test(orderId)) throw new RequestInvalid("an exchange's order id is a number");
  const first = await page(symbol, { orderId }, ask);
  const isWhole = first.fills.length < PAGE_ROWS;
  return isWhole ? first : await onward(first, symbol, { orderId }, MAX_REQUESTS - 1, ask);
}

async function sinceMoment(symbol: string, sinceMs: number, nowMs: number, ask: Ask): Promise<Collected> {
  if (nowMs - sinceMs > MAX_DAYS_BACK * DAY_MS) {
    throw new RequestInvalid(`fills can be asked for at most ${MAX_DAYS_BACK} days back`);
  }
  for (let from = sinceMs, left = MAX_REQUESTS - 1;; from += DAY_MS, left--) {
    // Both bounds count: a day's window ends a millisecond before the next one begins.
    const until = from + DAY_MS - 1;
    const found = await page(symbol, { startTime: from, endTime: until }, ask);
    const isLast = until >= nowMs + LATER_MS && found.fills.length < PAGE_ROWS;
    if (found.ended.outcome !== "accepted" || isLast) return found;
    if (found.fills.length > 0) return await onward(found, symbol, {}, left, ask);
  }
}

/** Everything after a page, by number. */
async function onward(
  first: Collected,
  symbol: string,
  of: Params,
  requests: number,
  ask: Ask,
): Promise<Collected> {
  const fills = [...first.fills];
  for (let left = requests; left > 0; left--) {
    const fromId = String(BigInt(fills.at(-1)!.tradeId) + 1n);
    const next = await page(symbol, { ...of, fromId }, ask);
    fills.push(...next.fills);
    if (next.ended.outcome !== "accepted" || next.fills.length < PAGE_ROWS) {
      return { ended: next.ended, fills };
    }
  }
  throw new AnswerMismatch(`there are more than ${fills.length} fills`);
}

async function page(symbol: string, params: Params, ask: Ask): Promise<Collected> {
  const ended = await ask({ symbol, ...params, limit: PAGE_ROWS });
  return { ended, fills: ended.outcome === "accepted" ? readFills(ended.json, symbol) : [] };
}
