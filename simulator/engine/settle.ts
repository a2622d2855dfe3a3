import { type Fixed, maxOf } from "../core/fixed.ts";
import { checkPlacing, isTriggered } from "./checks.ts";
import { heldFor, holdFor, needOf, shareHold } from "./holds.ts";
import { closeIfDone, listOf, noteTriggered, ordersOfList } from "./lists.ts";
import { estimate, expire, workOrder } from "./matching.ts";
import type { ExchangeState, Market, Order } from "./model.ts";
import { changeOrder, isContingent, isMarketType, isOpen } from "./orders.ts";
import { Rejection } from "./rejection.ts";

/** Lets everything happen that the last trades have made due: triggers, and orders that waited for a fill. */
export function settle(state: ExchangeState, market: Market, now: number): void {
  while (true) {
    const listId = market.readyLists.shift();
    if (listId !== undefined) {
      beginPending(state, market, listId, now);
      continue;
    }
    const stop = market.stops.map((id) => market.orders.get(id)!).find((order) => isTriggered(market, order));
    if (stop === undefined) return;
    trigger(state, market, stop, now);
  }
}

function trigger(state: ExchangeState, market: Market, order: Order, now: number): void {
  market.stops = market.stops.filter((id) => id !== order.orderId);
  noteTriggered(state, order, now);
  try {
    if (order.side === "BUY" && isMarketType(order)) {
      const { quote } = estimate(market, order, null);
      holdFor(state, order, maxOf(quote - heldFor(state, order), 0n));
    }
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return expire(state, order, "REJECTED", now);
  }
  workOrder(state, market, order, now);
  const list = listOf(state, order);
  if (list !== null) closeIfDone(state, list);
}

/** The working order of a list is filled: its pending orders are placed now, and may be refused now. */
function beginPending(state: ExchangeState, market: Market, listId: number, now: number): void {
  const list = state.lists.get(listId);
  if (list === undefined) return;
  const pending = ordersOfList(state, list).filter(({ status }) => status === "PENDING_NEW");
  try {
    for (const order of pending) checkPlacing(market, order);
    for (const order of pending) changeOrder(state, order, { status: "NEW" }, now);
    if (pending.length > 1) shareHold(state, pending);
    else for (const order of pending) holdFor(state, order, costOf(market, order));
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    for (const order of pending) if (isOpen(order)) expire(state, order, "REJECTED", now);
    return closeIfDone(state, list);
  }
  for (const order of pending) beginOrder(state, market, order, now);
  closeIfDone(state, list);
}

/** What an order must have when it is placed: one at market what the book asks for now, or its whole value. */
export function costOf(market: Market, order: Order): Fixed {
  if (order.type !== "MARKET") return needOf(order);
  const { quantity, quote } = estimate(market, order, null);
  const isByValue = order.quoteQuantity > 0n;
  if (order.side === "BUY") return isByValue ? order.quoteQuantity : quote;
  return isByValue ? quantity : order.quantity;
}

/** A placed order waits for its trigger or goes to the book. */
export function beginOrder(state: ExchangeState, market: Market, order: Order, now: number): void {
  if (!isOpen(order)) return;
  if (isContingent(order)) market.stops.push(order.orderId);
  else workOrder(state, market, order, now);
}
