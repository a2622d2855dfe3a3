import { accountOf } from "./accounts.ts";
import { checkAccount } from "./checks.ts";
import { countOf, filterOf } from "./filter_values.ts";
import { checkQuantity } from "./filters.ts";
import { releaseSpare } from "./holds.ts";
import { closeIfDone, listOf, ordersOfList } from "./lists.ts";
import type { ExchangeState, Order, OrderList } from "./model.ts";
import {
  changeOrder,
  clientKey,
  endOrder,
  isOpen,
  marketOf,
  remainingOf,
  requireUnusedId,
} from "./orders.ts";
import { amendRejected, cancelRejected, type Rejection } from "./rejection.ts";
import type { Fixed } from "../core/fixed.ts";

export type CancelRestriction = "ONLY_NEW" | "ONLY_PARTIALLY_FILLED";

/** How a client names an order: by one id, or by both, which must then agree. */
export interface OrderKey {
  readonly symbol: string;
  readonly orderId: number | null;
  readonly clientOrderId: string | null;
}

/** The account's order, open or not; null: it has none by that name. */
export function findOrder(state: ExchangeState, accountId: string, key: OrderKey): Order | null {
  const market = marketOf(state, key.symbol);
  const orderId = key.orderId ?? market.byClientId.get(clientKey(accountId, key.clientOrderId ?? ""));
  const order = market.orders.get(orderId ?? -1);
  return order === undefined || order.accountId !== accountId ? null : order;
}

/** The order to cancel; throws unless it is open. The matching engine answers this: it knows no lag. */
export function requireCancellable(
  state: ExchangeState,
  accountId: string,
  key: OrderKey,
  restriction: CancelRestriction | null = null,
): Order {
  const order = requireOpen(state, accountId, key, cancelRejected);
  const allowed = restriction === "ONLY_PARTIALLY_FILLED" ? "PARTIALLY_FILLED" : "NEW";
  if (restriction !== null && order.status !== allowed) {
    throw cancelRejected("Order was not canceled due to cancel restrictions.");
  }
  return order;
}

/** The order to make smaller; throws unless it is open. */
export function requireAmendable(state: ExchangeState, accountId: string, key: OrderKey): Order {
  return requireOpen(state, accountId, key, amendRejected);
}

function requireOpen(
  state: ExchangeState,
  accountId: string,
  key: OrderKey,
  reject: (message?: string) => Rejection,
): Order {
  checkAccount(accountOf(state, accountId), reject);
  const order = findOrder(state, accountId, key);
  if (order === null || !isOpen(order)) throw reject();
  if (key.orderId !== null && key.clientOrderId !== null && key.clientOrderId !== order.clientOrderId) {
    throw reject("Cancel order is invalid. Check origClOrdId and orderId.");
  }
  return order;
}

/** Cancels an order, and the whole list where it is part of one. Returns the list then. */
export function cancelOrder(state: ExchangeState, order: Order, now: number): OrderList | null {
  const list = listOf(state, order);
  if (list !== null) cancelList(state, list, now);
  else cancelOne(state, order, now);
  return list;
}

export function cancelList(state: ExchangeState, list: OrderList, now: number): void {
  for (const order of ordersOfList(state, list)) if (isOpen(order)) cancelOne(state, order, now);
  closeIfDone(state, list);
}

function cancelOne(state: ExchangeState, order: Order, now: number): void {
  endOrder(state, order, "CANCELED", null, now);
  releaseSpare(state, order);
}

/** Makes an order smaller without losing its place in the queue. Throws a `Rejection` and changes nothing. */
export function amendOrder(
  state: ExchangeState,
  order: Order,
  quantity: Fixed,
  clientOrderId: string,
  now: number,
): void {
  const market = marketOf(state, order.symbol);
  const limit = filterOf(market.rules, "MAX_NUM_ORDER_AMENDS");
  if (limit !== null && order.amendCount >= countOf(limit, "maxNumOrderAmends")) {
    throw amendRejected("Filter failure: MAX_NUM_ORDER_AMENDS");
  }
  checkQuantity(market, { ...order, quantity }, now);
  if (quantity >= order.quantity || quantity <= order.quantity - remainingOf(order)) {
    throw amendRejected("The new quantity must be below the order's and above what was executed.");
  }
  if (clientOrderId !== order.clientOrderId) requireUnusedId(state, order.accountId, clientOrderId);
  order.amendCount++;
  market.byClientId.delete(clientKey(order.accountId, order.clientOrderId));
  changeOrder(state, order, { quantity, clientOrderId }, now);
  market.byClientId.set(clientKey(order.accountId, clientOrderId), order.orderId);
  releaseSpare(state, order);
}
