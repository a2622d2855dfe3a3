import { accountOf } from "./accounts.ts";
import { releaseSpare } from "./holds.ts";
import type { ExchangeState, ExpiryReason, Order, OrderList } from "./model.ts";
import { endOrder, isOpen, marketOf, readerView } from "./orders.ts";

export function listOf(state: ExchangeState, order: Order): OrderList | null {
  return state.lists.get(order.listId) ?? null;
}

/** All orders of a list: the working one first. */
export function ordersOfList(state: ExchangeState, list: OrderList): Order[] {
  const market = marketOf(state, list.symbol);
  const ids = list.workingId === null ? list.legIds : [list.workingId, ...list.legIds];
  return ids.map((id) => market.orders.get(id)!);
}

/** A list as a reader sees it; null as long as one of its orders has not come to the readers. */
export function listView(state: ExchangeState, list: OrderList, now: number): OrderList | null {
  const orders = ordersOfList(state, list).map((order) => readerView(order, now));
  if (orders.includes(null)) return null;
  return { ...list, isDone: orders.every((order) => !isOpen(order!)) };
}

/** An order of a list traded: a pair loses its other leg, and what waits for a filled order may begin. */
export function noteExecuted(state: ExchangeState, order: Order, now: number): void {
  const list = listOf(state, order);
  if (list === null) return;
  if (list.workingId === order.orderId) {
    if (!isOpen(order)) marketOf(state, list.symbol).readyLists.push(list.listId);
    return;
  }
  endOthers(state, list, order, "EXPIRED", "OCO_TRIGGER", now);
  closeIfDone(state, list);
}

/** An order of a list ended without being filled: the others end with it, cancelled or expired as it did. */
export function noteEnded(state: ExchangeState, order: Order, now: number): void {
  const list = listOf(state, order);
  if (list === null) return;
  if (order.status === "CANCELED") endOthers(state, list, order, "CANCELED", null, now);
  else {
    endOthers(state, list, order, "EXPIRED", reasonForOthers(list, order), now);
  }
  closeIfDone(state, list);
}

function reasonForOthers({ workingId }: OrderList, { orderId, expiryReason }: Order): ExpiryReason {
  if (expiryReason === "REJECTED") return "REJECTED";
  return workingId === orderId ? "OTO_PHASE_ONE_EXPIRED" : "EXCHANGE_CANCELED";
}

/** A leg was triggered: the other leg leaves before it executes. */
export function noteTriggered(state: ExchangeState, order: Order, now: number): void {
  const list = listOf(state, order);
  if (list !== null) endOthers(state, list, order, "EXPIRED", "OCO_TRIGGER", now);
}

function endOthers(
  state: ExchangeState,
  list: OrderList,
  survivor: Order,
  status: "CANCELED" | "EXPIRED",
  reason: ExpiryReason | null,
  now: number,
): void {
  for (const other of ordersOfList(state, list)) {
    if (other === survivor || !isOpen(other)) continue;
    endOrder(state, other, status, reason, now);
    releaseSpare(state, other);
  }
}

export function closeIfDone(state: ExchangeState, list: OrderList): void {
  list.isDone = ordersOfList(state, list).every((order) => !isOpen(order));
  if (list.isDone) accountOf(state, list.accountId).openLists.delete(list.listId);
}
