import type { ExchangeState, Market, Order } from "./model.ts";
import { clientKey, isOpen } from "./orders.ts";

/** Orders of a symbol that are remembered, with their executions and lists; those that are open always are. */
export const ORDERS_KEPT = 50_000;
/** They are forgotten in batches of this share of what is kept, for each costs a look at everything. */
const BATCH_SHARE = 10;

/** Forgets a symbol's oldest closed orders, so that an exchange that runs for weeks does not grow for weeks. */
export function forgetOldest(state: ExchangeState, market: Market, kept = ORDERS_KEPT): void {
  if (market.orders.size < kept + kept / BATCH_SHARE) return;
  const forgotten = new Set<number>();
  for (const order of market.orders.values()) {
    if (market.orders.size <= kept) break;
    if (isOver(state, order)) forget(state, market, order, forgotten);
  }
  market.executions = market.executions.filter(({ orderId }) => !forgotten.has(orderId));
}

function isOver(state: ExchangeState, order: Order): boolean {
  return state.lists.get(order.listId)?.isDone ?? !isOpen(order);
}

/** A list goes as a whole: none of its orders is without the others. */
function forget(state: ExchangeState, market: Market, order: Order, forgotten: Set<number>): void {
  const list = state.lists.get(order.listId);
  const ids = list === undefined ? [order.orderId] : [list.workingId, ...list.legIds];
  for (const id of ids) {
    const one = market.orders.get(id ?? -1);
    if (one === undefined) continue;
    const key = clientKey(one.accountId, one.clientOrderId);
    if (market.byClientId.get(key) === one.orderId) market.byClientId.delete(key);
    market.orders.delete(one.orderId);
    forgotten.add(one.orderId);
  }
  if (list !== undefined) state.lists.delete(list.listId);
}
