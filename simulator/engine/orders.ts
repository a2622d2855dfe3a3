import type { Fixed } from "../core/fixed.ts";
import { nextChance } from "../core/random.ts";
import { accountOf } from "./accounts.ts";
import type {
  ExchangeState,
  ExpiryReason,
  Market,
  Order,
  OrderDraft,
  OrderProgress,
  OrderRef,
  OrderStatus,
} from "./model.ts";
import { orderRejected, Rejection } from "./rejection.ts";

/** Readers may lag this long at most, so older versions are not kept (ms). */
export const READ_LAG_MAX_MS = 120_000;

const OPEN: ReadonlySet<OrderStatus> = new Set(["NEW", "PENDING_NEW", "PARTIALLY_FILLED"]);

export function isOpen({ status }: Pick<Order, "status">): boolean {
  return OPEN.has(status);
}

/** Waits for a trigger, also while it is the pending part of a list. */
export function isContingent({ type }: Pick<Order, "type">): boolean {
  return type.startsWith("STOP_LOSS") || type.startsWith("TAKE_PROFIT");
}

/** Takes any price once it works. */
export function isMarketType({ type }: Pick<Order, "type">): boolean {
  return type === "MARKET" || type === "STOP_LOSS" || type === "TAKE_PROFIT";
}

export function remainingOf(order: Order): Fixed {
  return order.quantity - order.executed - order.prevented;
}

/** Throws the rejection for a symbol that is not listed. */
export function marketOf(state: ExchangeState, symbol: string): Market {
  const market = state.markets.get(symbol);
  if (market === undefined) throw new Rejection(-1121, "Invalid symbol.");
  return market;
}

export function orderOf(state: ExchangeState, ref: OrderRef): Order {
  const order = findRef(state, ref);
  if (order === null) throw new Error(`There is no order ${ref.symbol} ${ref.orderId}.`);
  return order;
}

/** The order, unless it was forgotten. */
export function findRef(state: ExchangeState, { symbol, orderId }: OrderRef): Order | null {
  return state.markets.get(symbol)?.orders.get(orderId) ?? null;
}

/** Throws where an open order of the account has this client order id; a closed one has given it back. */
export function requireUnusedId(state: ExchangeState, accountId: string, clientOrderId: string): void {
  if (accountOf(state, accountId).openOrders.has(clientOrderId)) throw orderRejected("Duplicate order sent.");
}

export interface Placement {
  readonly accountId: string;
  readonly orderId: number;
  readonly listId?: number;
  readonly holdKey?: string | undefined;
  readonly status?: "NEW" | "PENDING_NEW";
  readonly readLagMs?: number;
}

/** An order of which nothing has happened yet. */
export function buildOrder(draft: OrderDraft, placement: Placement, now: number): Order {
  const { accountId, orderId, listId = -1, status = "NEW", readLagMs = 0 } = placement;
  return {
    ...draft,
    orderId,
    accountId,
    listId,
    holdKey: placement.holdKey ?? `${draft.symbol}:${orderId}`,
    status,
    executed: 0n,
    executedQuote: 0n,
    workingAt: null,
    createdAt: now,
    updatedAt: now,
    expiryReason: null,
    prevented: 0n,
    preventedMatchId: null,
    queueAhead: 0n,
    amendCount: 0,
    firstTradedAs: null,
    readLagMs,
    versions: [],
  };
}

/** Enters a new order into the records; it neither holds money nor works yet. */
export function createOrder(
  state: ExchangeState,
  draft: OrderDraft,
  placement: Omit<Placement, "orderId" | "readLagMs">,
  now: number,
): Order {
  const market = marketOf(state, draft.symbol);
  const orderId = market.nextOrderId++;
  const readLagMs = nextChance(state.random, state.readLag.probability) ? state.readLag.ms : 0;
  const order = buildOrder(draft, { ...placement, orderId, readLagMs }, now);
  market.orders.set(orderId, order);
  market.byClientId.set(clientKey(order.accountId, order.clientOrderId), orderId);
  accountOf(state, order.accountId).openOrders.set(order.clientOrderId, { symbol: order.symbol, orderId });
  noteVersion(order, now);
  return order;
}

export function clientKey(accountId: string, clientOrderId: string): string {
  return `${accountId}|${clientOrderId}`;
}

/** Applies a change to an order, and takes it off the lists of open ones when that ended it. */
export function changeOrder(
  state: ExchangeState,
  order: Order,
  change: Partial<OrderProgress>,
  now: number,
): void {
  const formerId = order.clientOrderId;
  Object.assign(order, change, { updatedAt: now });
  const { openOrders } = accountOf(state, order.accountId);
  if (!isOpen(order) || order.clientOrderId !== formerId) openOrders.delete(formerId);
  if (isOpen(order)) {
    openOrders.set(order.clientOrderId, { symbol: order.symbol, orderId: order.orderId });
  } else {
    leaveBook(marketOf(state, order.symbol), order);
    if (order.readLagMs > 0) noteLateClosed(state, order, now);
  }
  noteVersion(order, now);
}

/** Ends an order. What it held is given back by the caller, who knows what shares the hold. */
export function endOrder(
  state: ExchangeState,
  order: Order,
  status: "CANCELED" | "EXPIRED" | "EXPIRED_IN_MATCH",
  expiryReason: ExpiryReason | null,
  now: number,
): void {
  // An order by value has the quantity that it came to.
  const quantity = order.quoteQuantity > 0n ? order.executed : order.quantity;
  changeOrder(state, order, { status, expiryReason, quantity }, now);
}

function noteLateClosed(state: ExchangeState, { symbol, orderId, accountId }: Order, now: number): void {
  const account = accountOf(state, accountId);
  const isRecent = (ref: OrderRef) => (findRef(state, ref)?.updatedAt ?? 0) > now - READ_LAG_MAX_MS;
  account.lateClosed = [...account.lateClosed.filter(isRecent), { symbol, orderId }];
}

function leaveBook(market: Market, { orderId, side }: Order): void {
  market.working[side] = market.working[side].filter((id) => id !== orderId);
  market.stops = market.stops.filter((id) => id !== orderId);
}

function noteVersion(order: Order, now: number): void {
  if (order.readLagMs === 0) return;
  const firstKept = order.versions.findLastIndex(({ updatedAt }) => updatedAt <= now - READ_LAG_MAX_MS);
  if (firstKept > 0) order.versions.splice(0, firstKept);
  const { status, quantity, clientOrderId, executed, executedQuote, workingAt, updatedAt } = order;
  const { expiryReason, prevented, preventedMatchId } = order;
  order.versions.push({
    status,
    quantity,
    clientOrderId,
    executed,
    executedQuote,
    workingAt,
    updatedAt,
    expiryReason,
    prevented,
    preventedMatchId,
  });
}

/** An order as a reader sees it; null as long as it has not come to the readers. */
export function readerView(order: Order, now: number): Order | null {
  if (order.readLagMs === 0) return order;
  const version = order.versions.findLast(({ updatedAt }) => updatedAt + order.readLagMs <= now);
  return version === undefined ? null : { ...order, ...version };
}
