import type { ExchangeState, OrderRef } from "../engine/model.ts";
import { findRef, isOpen } from "../engine/orders.ts";
import { Throttled } from "./wire.ts";

export const WEIGHT_PER_MINUTE = 6_000;
export const RAW_REQUESTS_PER_5_MINUTES = 300_000;
export const ORDER_LIMITS = [
  { interval: "SECOND", intervalNum: 10, limit: 100, windowMs: 10_000, header: "10S" },
  { interval: "DAY", intervalNum: 1, limit: 200_000, windowMs: 86_400_000, header: "1D" },
] as const;

const MINUTE_MS = 60_000;
/** Who goes on so often after a 429 is banned. */
const IGNORED_BEFORE_BAN = 10;
const FIRST_BAN_MS = 2 * MINUTE_MS;
const LONGEST_BAN_MS = 3 * 86_400_000;
/** What a first fill gives back of the unfilled order count. */
const TAKER_GIVES_BACK = 1;
const MAKER_GIVES_BACK = 5;

/** Counts in windows that begin with the calendar's minute, ten seconds, day. */
interface Window {
  start: number;
  used: number;
}

interface Visitor {
  weight: Window;
  raw: Window;
  ignoredCount: number;
  banCount: number;
  bannedUntil: number;
}

interface OrderCount {
  readonly windows: Window[];
  /** Orders that may still give back a part of the count. */
  unfilled: OrderRef[];
}

function countIn(window: Window, windowMs: number, now: number): number {
  const start = now - now % windowMs;
  if (window.start !== start) Object.assign(window, { start, used: 0 });
  return window.used;
}

/** What each address and each account has used of what it may. Lost at a restart, as counters are. */
export class Limits {
  readonly #visitors = new Map<string, Visitor>();
  readonly #orders = new Map<string, OrderCount>();

  constructor(private readonly state: ExchangeState) {}

  /** Counts a request and its weight. Throws where that is too much, or the address is banned. */
  charge(ip: string, weight: number, now: number): void {
    const visitor = this.#visitor(ip);
    if (visitor.bannedUntil > now) throw banned(visitor.bannedUntil, now);
    const used = countIn(visitor.weight, MINUTE_MS, now);
    const requests = countIn(visitor.raw, 5 * MINUTE_MS, now);
    if (used + weight > WEIGHT_PER_MINUTE) {
      const message =
        `Too much request weight used; current limit is ${WEIGHT_PER_MINUTE} request weight per 1 ` +
        "MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.";
      throw this.#tooMany(visitor, message, MINUTE_MS, now);
    }
    if (requests >= RAW_REQUESTS_PER_5_MINUTES) {
      const message =
        `Too many requests; current limit is ${RAW_REQUESTS_PER_5_MINUTES} requests per 5 MINUTE.`;
      throw this.#tooMany(visitor, message, 5 * MINUTE_MS, now);
    }
    visitor.ignoredCount = 0;
    visitor.weight.used += weight;
    visitor.raw.used++;
  }

  /**
   * Orders that were placed or cancelled weigh nothing; the price is for those that failed. What was charged in a
   * minute that is over has gone with it.
   */
  refund(ip: string, weight: number, chargedAt: number): void {
    const window = this.#visitor(ip).weight;
    if (window.start === chargedAt - chargedAt % MINUTE_MS) window.used -= weight;
  }

  usedWeight(ip: string, now: number): number {
    return countIn(this.#visitor(ip).weight, MINUTE_MS, now);
  }

  ban(ip: string, until: number): void {
    this.#visitor(ip).bannedUntil = until;
  }

  /** Throws where `count` more orders would be too many. */
  requireOrders(accountId: string, count: number, now: number): void {
    const used = this.orderCounts(accountId, now);
    ORDER_LIMITS.forEach(({ limit, interval, intervalNum, windowMs }, at) => {
      if (used[at]! + count <= limit) return;
      const message = `Too many new orders; current limit is ${limit} orders per ${intervalNum} ${interval}.`;
      throw new Throttled(-1015, message, 429, secondsUntil(windowMs, now));
    });
  }

  addOrders(accountId: string, count: number, placed: readonly OrderRef[], now: number): void {
    this.orderCounts(accountId, now);
    const orders = this.#ordersOf(accountId);
    for (const window of orders.windows) window.used += count;
    orders.unfilled.push(...placed);
  }

  /** The unfilled order count, in the order of `ORDER_LIMITS`. */
  orderCounts(accountId: string, now: number): number[] {
    const orders = this.#ordersOf(accountId);
    const counts = ORDER_LIMITS.map(({ windowMs }, at) => countIn(orders.windows[at]!, windowMs, now));
    const given = this.#takeGivenBack(orders);
    orders.windows.forEach((window) => window.used = Math.max(0, window.used - given));
    return given === 0 ? counts : orders.windows.map(({ used }) => used);
  }

  #takeGivenBack(orders: OrderCount): number {
    let given = 0;
    orders.unfilled = orders.unfilled.filter((ref) => {
      const order = findRef(this.state, ref);
      if (order === null) return false;
      if (order.firstTradedAs === null) return isOpen(order);
      given += order.firstTradedAs === "maker" ? MAKER_GIVES_BACK : TAKER_GIVES_BACK;
      return false;
    });
    return given;
  }

  #tooMany(visitor: Visitor, message: string, windowMs: number, now: number): Throttled {
    visitor.ignoredCount++;
    if (visitor.ignoredCount > IGNORED_BEFORE_BAN) {
      visitor.ignoredCount = 0;
      visitor.bannedUntil = now + Math.min(FIRST_BAN_MS * 2 ** visitor.banCount++, LONGEST_BAN_MS);
      return banned(visitor.bannedUntil, now);
    }
    return new Throttled(-1003, message, 429, secondsUntil(windowMs, now));
  }

  #visitor(ip: string): Visitor {
    let visitor = this.#visitors.get(ip);
    if (visitor === undefined) {
      const empty = () => ({ start: 0, used: 0 });
      visitor = { weight: empty(), raw: empty(), ignoredCount: 0, banCount: 0, bannedUntil: 0 };
      this.#visitors.set(ip, visitor);
    }
    return visitor;
  }

  #ordersOf(accountId: string): OrderCount {
    let orders = this.#orders.get(accountId);
    if (orders === undefined) {
      orders = { windows: ORDER_LIMITS.map(() => ({ start: 0, used: 0 })), unfilled: [] };
      this.#orders.set(accountId, orders);
    }
    return orders;
  }
}

function secondsUntil(windowMs: number, now: number): number {
  return Math.max(1, Math.ceil((windowMs - now % windowMs) / 1_000));
}

function banned(until: number, now: number): Throttled {
  const message = `Way too much request weight used; IP banned until ${until}. ` +
    "Please use WebSocket Streams for live updates to avoid bans.";
  return new Throttled(-1003, message, 418, Math.max(1, Math.ceil((until - now) / 1_000)));
}
