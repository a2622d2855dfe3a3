import { minOf } from "../core/fixed.ts";
import { releaseSpare } from "./holds.ts";
import { noteEnded } from "./lists.ts";
import type { ExchangeState, Market, Order } from "./model.ts";
import { changeOrder, endOrder, isOpen, remainingOf } from "./orders.ts";

/** Two orders of one account met: the taker's mode says which of them goes. At least one does, or both shrink. */
export function preventSelfTrade(
  state: ExchangeState,
  market: Market,
  taker: Order,
  maker: Order,
  now: number,
): void {
  const preventedMatchId = market.nextPreventedMatchId++;
  for (const order of [maker, taker]) changeOrder(state, order, { preventedMatchId }, now);
  const { stpMode } = taker;
  if (stpMode === "DECREMENT") {
    // An order by value has no quantity that could shrink; it counts as larger than what it meets.
    const shared = taker.quoteQuantity > 0n
      ? remainingOf(maker)
      : minOf(remainingOf(taker), remainingOf(maker));
    for (const order of [maker, taker]) shrink(state, order, shared, now);
    // The taker goes on, and what it has left over is given back at the end.
    if (isOpen(maker)) releaseSpare(state, maker);
    return;
  }
  if (stpMode !== "EXPIRE_TAKER") end(state, maker, now);
  if (stpMode !== "EXPIRE_MAKER") end(state, taker, now);
}

function shrink(state: ExchangeState, order: Order, by: bigint, now: number): void {
  if (order.quoteQuantity > 0n) return;
  changeOrder(state, order, { prevented: order.prevented + by }, now);
  if (remainingOf(order) === 0n) end(state, order, now);
}

function end(state: ExchangeState, order: Order, now: number): void {
  if (!isOpen(order)) return;
  endOrder(state, order, "EXPIRED_IN_MATCH", null, now);
  noteEnded(state, order, now);
  releaseSpare(state, order);
}
